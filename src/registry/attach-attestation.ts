import { artifactsUnderTag } from './artifacts-under-tag.ts'
import {
  attestationTag,
  describeAttestation,
  type AttestationToAttach,
} from './attestation-manifest.ts'
import { mergeIntoTag } from './merge-into-tag.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { ImageByDigest } from './resolve-image.ts'

/** How an attestation is attached. */
export interface AttachAttestationOptions {
  /** Digests of layers that make room for it. */
  readonly replaced?: ReadonlySet<string>
  readonly signal?: AbortSignal
}

/** What became of an attestation. */
export interface AttachedAttestation {
  /** The tag that holds the attestations of the image. */
  readonly tag: string
  readonly outcome: 'attached' | 'already-attached'
  /** How many attestations are under the tag now. */
  readonly attestations: number
  /** How many of those that were to make room are gone. */
  readonly replaced: number
  /** What the tag holds now, as it was read last. */
  readonly found: PulledManifest | undefined
}

/**
 * Attaches an attestation to an image, beside those it has: one more layer under the tag `sha256-<hex>.att`, where Cosign
 * up to 3 looks. Idempotent: the same envelope is not attached twice. Nothing of it is verified.
 *
 * What several attach at the same time is all kept, see {@link mergeIntoTag}; one that was to make room may come back so.
 *
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if the tag holds something else, or too much.
 * @throws ChanceryError ERR_REGISTRY_IMMUTABLE_TAG if the registry does not let the tag be changed.
 * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if others kept undoing it; besides, what {@link RegistryClient} throws.
 */
export async function attachAttestation(
  client: RegistryClient,
  image: ImageByDigest,
  attestation: AttestationToAttach,
  { replaced = new Set(), signal }: AttachAttestationOptions = {},
): Promise<AttachedAttestation> {
  const tag = attestationTag(image.digest)
  const entry = describeAttestation(attestation)
  const merged = await mergeIntoTag(client, image.repository, tag, artifactsUnderTag, {
    entry,
    isStoodForBy: (layer) => artifactsUnderTag.isSame(layer, entry),
    isReplaced: (layer) => layer.digest !== entry.digest && replaced.has(layer.digest),
    prepare: async (own) => {
      await client.blobs.upload(image.repository, attestation.envelope, own)
    },
    signal,
  })
  const { outcome, entries, found } = merged
  const left = artifactsUnderTag.entriesOf(found).filter(({ digest }) => replaced.has(digest))
  return {
    tag,
    outcome: outcome === 'added' ? 'attached' : 'already-attached',
    attestations: entries,
    replaced: replaced.size - new Set(left.map(({ digest }) => digest)).size,
    found,
  }
}
