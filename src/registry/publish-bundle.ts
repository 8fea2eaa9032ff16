import { sha256Hex } from '../crypto/digest.ts'
import { SIGSTORE_BUNDLE } from '../format/bundle-writer.ts'
import { OCI_IMAGE_MANIFEST } from '../format/oci-manifest.ts'
import { embed } from './embedded-content.ts'
import { pushReferrer, type PushedReferrer, type PushOptions } from './push-referrer.ts'
import type { RegistryClient } from './registry-client.ts'
import { resolveImage, type ImageByDigest, type ResolvedImage } from './resolve-image.ts'

/** Annotation of a bundle's manifest: the predicate type of its statement. Source: Cosign, BUNDLE_SPEC. */
export const PREDICATE_TYPE_ANNOTATION = 'dev.sigstore.bundle.predicateType'
/** Annotation of a bundle's manifest: what is in it, `dsse-envelope` or `message-signature`. */
const CONTENT_ANNOTATION = 'dev.sigstore.bundle.content'
/** Annotation of a manifest: when it was made, RFC 3339. Source: image-spec, "Pre-Defined Annotation Keys". */
export const CREATED_ANNOTATION = 'org.opencontainers.image.created'

const EMPTY_MEDIA_TYPE = 'application/vnd.oci.empty.v1+json'
const EMPTY = new TextEncoder().encode('{}')

/** A bundle with what its manifest says about it. */
export interface BundleToPublish {
  /** The bundle, JSON, byte for byte as it is to be stored. */
  readonly bytes: Uint8Array
  /** Predicate type of the statement in it. */
  readonly predicateType: string
  /** The same bundle with the same time is one referrer, however often it is published. */
  readonly createdAt: Date
}

/**
 * Publishes a Sigstore bundle beside an image, as a referrer of it, where Cosign 3 looks: an OCI 1.1 artifact with an
 * empty configuration and the bundle as its one layer. A small bundle is in the manifest, too, so that readers need not
 * ask for the blob; where the registry refuses that, it is left out.
 *
 * @throws ChanceryError ERR_REGISTRY_NOT_FOUND if the repository does not have the image; besides, what
 * {@link pushReferrer} and {@link RegistryClient} throw.
 * Source: Cosign 3, BUNDLE_SPEC; OCI image-spec, "Guidance for an Empty Descriptor".
 */
export async function publishBundle(
  client: RegistryClient,
  image: ImageByDigest | ResolvedImage,
  bundle: BundleToPublish,
  options: PushOptions = {},
): Promise<PushedReferrer> {
  const { repository, digest } = image
  const { seen, signal } = options
  const { mediaType, size } =
    'mediaType' in image ? image : await resolveImage(client, { ...repository, digest }, signal)
  const subject = { mediaType, size, digest }
  // Distribution 2.8 answers 500 to those who ask for a blob while it is written again: only the first bundle just writes it.
  const isFirst = seen !== undefined && seen.found === undefined
  const upload = () =>
    Promise.all([
      isFirst
        ? client.blobs.upload(repository, EMPTY, signal)
        : client.blobs.provide(repository, EMPTY, signal),
      client.blobs.upload(repository, bundle.bytes, signal),
    ])
  const host = client.hosts.of(repository)
  const embedded = host.takesEmbeddedContent ? embed(bundle.bytes) : {}
  await upload()
  return pushReferrer(client, repository, encodeBundleManifest(bundle, subject, embedded), {
    ...options,
    insteadOfRefused: async () => {
      // Registries seldom say what for: it may be a blob that is gone, too.
      host.takesEmbeddedContent = false
      for (const blob of [EMPTY, bundle.bytes]) client.blobs.sendAgain(repository, blob)
      await upload()
      return encodeBundleManifest(bundle, subject, {})
    },
  })
}

/** The manifest in the order of members that Cosign writes. */
function encodeBundleManifest(
  { bytes, predicateType, createdAt }: BundleToPublish,
  subject: { readonly mediaType: string; readonly size: number; readonly digest: string },
  embedded: { readonly data?: string },
): { readonly mediaType: string; readonly bytes: Uint8Array } {
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_IMAGE_MANIFEST,
    config: {
      mediaType: EMPTY_MEDIA_TYPE,
      size: EMPTY.length,
      digest: `sha256:${sha256Hex(EMPTY)}`,
      artifactType: SIGSTORE_BUNDLE,
    },
    layers: [
      {
        mediaType: SIGSTORE_BUNDLE,
        size: bytes.length,
        digest: `sha256:${sha256Hex(bytes)}`,
        ...embedded,
      },
    ],
    annotations: {
      [CONTENT_ANNOTATION]: 'dsse-envelope',
      [PREDICATE_TYPE_ANNOTATION]: predicateType,
      [CREATED_ANNOTATION]: createdAt.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    },
    subject,
    artifactType: SIGSTORE_BUNDLE,
  }
  return {
    mediaType: OCI_IMAGE_MANIFEST,
    bytes: new TextEncoder().encode(JSON.stringify(manifest)),
  }
}
