import { ChanceryError } from '../errors/chancery-error.ts'
import { SIGSTORE_BUNDLE } from '../format/bundle-writer.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import type { ArtifactSource } from './artifact-store.ts'
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
/** Artifact types of signatures that are no bundles. Source: Cosign, SIGNATURE_SPEC; Notation, signature-specification. */
const SIGNATURE_TYPES: readonly string[] = [
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.cncf.notary.signature',
]
const MAX_ARTIFACT_BYTES = 32 * 1024 * 1024

/** The layer of a manifest that is a Sigstore bundle, if there is exactly one layer and it is one. */
export function bundleLayerOf({ pulled }: ImageTree): Descriptor | undefined {
  const { manifest } = pulled
  const [layer, ...others] = manifest.kind === 'manifest' ? manifest.layers : []
  const isBundle = layer !== undefined && BUNDLE_TYPE.test(layer.mediaType)
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

/** The content of a layer. @throws ChanceryError ERR_REGISTRY_TOO_LARGE if it is more than 32 MiB. */
export async function readLayer(source: ArtifactSource, layer: Descriptor): Promise<Uint8Array> {
  if (layer.size > MAX_ARTIFACT_BYTES) {
    throw new ChanceryError(
      'ERR_REGISTRY_TOO_LARGE',
      `expected at most ${MAX_ARTIFACT_BYTES} bytes in ${layer.digest}, found ${layer.size}`,
    )
  }
  const pieces: Uint8Array[] = []
  for await (const piece of await source.openBlob(layer)) pieces.push(piece)
  return Buffer.concat(pieces)
}
