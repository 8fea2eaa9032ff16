import { ChanceryError } from '../errors/chancery-error.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { parseSimpleSigning } from '../format/simple-signing.ts'
import {
  decodeSignature,
  verifySimpleSigningSignature,
} from '../verify/simple-signing-signature.ts'
import { artifactsUnderTag } from './artifacts-under-tag.ts'
import type { SeenSignatures } from './find-signature.ts'
import { mergeIntoTag } from './merge-into-tag.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { ImageByDigest } from './resolve-image.ts'
import {
  describeSignature,
  evidenceOf,
  signatureTag,
  signatureTextOf,
  type SignatureToAttach,
} from './signature-manifest.ts'

/** How a signature is attached. */
export interface AttachOptions {
  /**
   * DER SubjectPublicKeyInfo. With it the signature is verified first, and a signature of this key over the same payload
   * that is there already counts as the same, even where the algorithm makes another one each time; unless it lacks the
   * certificate that is to be attached.
   */
  readonly publicKey?: Uint8Array
  /** What {@link findSignature} saw a moment ago; spares reading it again. */
  readonly seen?: SeenSignatures | undefined
  /** Whether the image is likely to have no signatures yet, see {@link mergeIntoTag}. */
  readonly isLikelyFirst?: boolean
  readonly signal?: AbortSignal
}

/** What became of an attachment. */
export interface AttachedSignature {
  /** The tag that holds the signatures of the image. */
  readonly tag: string
  readonly outcome: 'attached' | 'already-attached'
  /** How many signatures the image has now. */
  readonly signatures: number
  /** What the tag holds now, as it was read last. */
  readonly found: PulledManifest | undefined
}

/**
 * Attaches a signature to an image, beside those it has: one more layer under the tag `sha256-<hex>.sig`, where
 * Cosign, podman and skopeo look. Idempotent: the same signature is not attached twice.
 *
 * What several attach at the same time is all kept, see {@link mergeIntoTag}.
 *
 * @throws ChanceryError ERR_FORMAT_PAYLOAD, ERR_VERIFY_SIGNATURE_TEXT if payload or signature are malformed.
 * @throws ChanceryError ERR_VERIFY_DIGEST if the payload is about another image.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if a public key is given and the signature does not verify.
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if the tag holds something else, or too much.
 * @throws ChanceryError ERR_REGISTRY_IMMUTABLE_TAG if the registry does not let the tag be changed.
 * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if others kept undoing it; besides, what {@link RegistryClient} throws.
 */
export async function attachSignature(
  client: RegistryClient,
  image: ImageByDigest,
  signature: SignatureToAttach,
  options: AttachOptions = {},
): Promise<AttachedSignature> {
  requireFit(image, signature, options.publicKey)
  const tag = signatureTag(image.digest)
  const entry = describeSignature(signature)
  const { outcome, entries, found } = await mergeIntoTag(
    client,
    image.repository,
    tag,
    artifactsUnderTag,
    {
      entry,
      isStoodForBy: (layer) =>
        artifactsUnderTag.isSame(layer, entry) ||
        isOfSameKey(layer, entry, image, signature.payload, options),
      prepare: async (signal) => {
        await client.blobs.upload(image.repository, signature.payload, signal)
      },
      seen: options.seen,
      isLikelyNew: options.isLikelyFirst === true,
      signal: options.signal,
    },
  )
  const isAdded = outcome === 'added'
  return { tag, outcome: isAdded ? 'attached' : 'already-attached', signatures: entries, found }
}

function requireFit(
  image: ImageByDigest,
  { payload, signature }: SignatureToAttach,
  publicKey: Uint8Array | undefined,
): void {
  decodeSignature(signature)
  const { manifestDigest } = parseSimpleSigning(payload)
  if (manifestDigest !== image.digest) {
    throw new ChanceryError(
      'ERR_VERIFY_DIGEST',
      `expected a payload for ${image.digest}, found one for ${manifestDigest}`,
      {
        hints: [
          'The image was pushed again after the payload was made? Then it has to be signed anew.',
        ],
      },
    )
  }
  if (publicKey !== undefined) {
    const expected = { digest: image.digest, repositories: 'any' } as const
    verifySimpleSigningSignature({ payload, signature, publicKey }, expected)
  }
}

/** Whether a layer holds another signature of the given key over the same payload. */
function isOfSameKey(
  layer: Descriptor,
  own: Descriptor,
  image: ImageByDigest,
  payload: Uint8Array,
  { publicKey }: AttachOptions,
): boolean {
  const signature = signatureTextOf(layer)
  if (publicKey === undefined || signature === undefined || layer.digest !== own.digest) {
    return false
  }
  const certificate = evidenceOf(own).certificate
  if (certificate !== undefined && evidenceOf(layer).certificate !== certificate) return false
  const expected = { digest: image.digest, repositories: 'any' } as const
  try {
    verifySimpleSigningSignature({ payload, signature, publicKey }, expected)
    return true
  } catch (error) {
    if (error instanceof ChanceryError) return false
    throw error
  }
}
