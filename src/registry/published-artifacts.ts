import { ChanceryError } from '../errors/chancery-error.ts'
import { SIGSTORE_BUNDLE } from '../format/bundle-writer.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import type { ArtifactSource } from './artifact-store.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import { embeddedContent } from './embedded-content.ts'
import type { ImageTree } from './image-tree.ts'
import { CREATED_ANNOTATION, PREDICATE_TYPE_ANNOTATION } from './publish-bundle.ts'

/** What kind of thing a referrer is, by what its manifest says; nothing of it is verified. */
export interface ArtifactFacts {
  readonly kind: 'signature' | 'attestation' | 'other'
  /** Of the statement in a bundle. */
  readonly predicateType: string | undefined
  /** RFC 3339, as the manifest has it. */
  readonly created: string | undefined
}

const BUNDLE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d+\.\d+)?\+json/
/** Artifact type of signatures that are a referrer and no bundle. Source: Cosign, `--registry-referrers-mode oci-1-1`. */
export const SIGNATURE_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json'

/** Artifact types of signatures that are no bundles. Source: Cosign, SIGNATURE_SPEC; Notation, signature-specification. */
const SIGNATURE_TYPES: readonly string[] = [
  SIGNATURE_ARTIFACT,
  'application/vnd.cncf.notary.signature',
]
const MAX_ARTIFACT_BYTES = 32 * 1024 * 1024

/** Whether a media type or artifact type is that of Sigstore bundles, of whatever version. */
export function isBundleType(type: string): boolean {
  return BUNDLE_TYPE.test(type)
}

/** The layer of a manifest that is a Sigstore bundle, if there is exactly one layer and it is one. */
export function bundleLayerOf({ pulled }: Pick<ImageTree, 'pulled'>): Descriptor | undefined {
  const { manifest } = pulled
  const [layer, ...others] = manifest.kind === 'manifest' ? manifest.layers : []
  const isBundle = layer !== undefined && isBundleType(layer.mediaType)
  return isBundle && others.length === 0 ? layer : undefined
}

/** What a referrer's manifest says that it is. */
export function factsOf(referrer: ImageTree): ArtifactFacts {
  const { annotations = {} } = referrer.pulled.manifest
  const predicateType = annotations[PREDICATE_TYPE_ANNOTATION]
  const created = annotations[CREATED_ANNOTATION]
  const type = referrer.artifactType ?? ''
  if (bundleLayerOf(referrer) !== undefined || type === SIGSTORE_BUNDLE) {
    const kind = predicateType === COSIGN_SIGNATURE_PREDICATE ? 'signature' : 'attestation'
    return { kind, predicateType, created }
  }
  return { kind: SIGNATURE_TYPES.includes(type) ? 'signature' : 'other', predicateType, created }
}

/**
 * The content of a layer, from the manifest where that has it.
 *
 * @param allowance What is read is counted against it before; what the manifest has was counted with that.
 * @param maxBytes 32 MiB by default.
 * @throws ChanceryError ERR_REGISTRY_ATTACHED_SIZE if the allowance has less left.
 * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if it says that it is more; besides, what {@link embeddedContent} and the
 * source throw.
 */
export async function readLayer(
  source: ArtifactSource,
  layer: Descriptor,
  allowance: ByteAllowance,
  maxBytes = MAX_ARTIFACT_BYTES,
): Promise<Uint8Array> {
  if (layer.size > maxBytes) {
    throw new ChanceryError(
      'ERR_REGISTRY_TOO_LARGE',
      `expected at most ${maxBytes} bytes in ${layer.digest}, found ${layer.size}`,
    )
  }
  const embedded = embeddedContent(layer)
  if (embedded !== undefined) return embedded
  allowance.take(layer.size)
  const pieces: Uint8Array[] = []
  for await (const piece of await source.openBlob(layer)) pieces.push(piece)
  return Buffer.concat(pieces)
}
