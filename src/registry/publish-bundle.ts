import { sha256Hex } from '../crypto/digest.ts'
import { SIGSTORE_BUNDLE } from '../format/bundle-writer.ts'
import { OCI_IMAGE_MANIFEST } from '../format/oci-manifest.ts'
import { referenceContext } from '../format/oci-reference.ts'
import type { RepositoryName } from './origins.ts'
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

/** Repositories that have the empty blob, as far as this process knows: one for all bundles there. */
const EMPTY_BLOBS = new WeakMap<RegistryClient, Map<string, Promise<unknown>>>()

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
 * empty configuration and the bundle as its one layer.
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
  const { signal } = options
  const { mediaType, size } =
    'mediaType' in image ? image : await resolveImage(client, { ...repository, digest }, signal)
  await Promise.all([
    pushEmptyOnce(client, repository, signal),
    client.blobs.upload(repository, bundle.bytes, signal),
  ])
  const subject = { mediaType, size, digest }
  const manifest = encodeBundleManifest(bundle, subject)
  return pushReferrer(client, repository, manifest, options)
}

/** Leaves nothing behind where it fails, so that the next one tries again. */
async function pushEmptyOnce(
  client: RegistryClient,
  repository: RepositoryName,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = referenceContext(repository)
  const known = EMPTY_BLOBS.get(client) ?? new Map<string, Promise<unknown>>()
  EMPTY_BLOBS.set(client, known)
  const running = known.get(name) ?? client.blobs.push(repository, EMPTY, signal)
  known.set(name, running)
  try {
    await running
  } catch (error) {
    known.delete(name)
    throw error
  }
}

/** The manifest in the order of members that Cosign writes. */
function encodeBundleManifest(
  { bytes, predicateType, createdAt }: BundleToPublish,
  subject: { readonly mediaType: string; readonly size: number; readonly digest: string },
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
      { mediaType: SIGSTORE_BUNDLE, size: bytes.length, digest: `sha256:${sha256Hex(bytes)}` },
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
