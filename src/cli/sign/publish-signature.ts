import { sha256Hex } from '../../crypto/digest.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../format/image-statement.ts'
import { referenceContext } from '../../format/oci-reference.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import { attachSignature } from '../../registry/attach-signature.ts'
import { verifyPublishedBundle } from '../../registry/find-bundle.ts'
import { publishBundle } from '../../registry/publish-bundle.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { verifyResolvedImage } from '../../registry/verify-image.ts'
import type { Output } from '../output.ts'
import { counted } from '../counted.ts'
import type { ImageToSign } from './image-to-sign.ts'
import type { SeenTags } from './look-for-signatures.ts'
import { wantedBundle, type MadeSignature, type SignatureOwner } from './made-signature.ts'

/** What became of the signature of an image in one format. */
export interface SignatureOutcome {
  readonly format: SignatureFormat
  /** `not-attached`: the registry keeps tags as they are, and the other format was published. */
  readonly outcome:
    'attached' | 'already-signed' | 'signed' | 'submitted' | 'not-attached' | 'failed'
  /** Where it is: `registry/repository:tag`, or `registry/repository@digest` of a referrer. */
  readonly reference?: string
}

/** What a signature is published with. */
export interface Publication extends SignatureOwner {
  readonly annotations: Readonly<Record<string, string>>
  /** Whether another signature of this key over the same is attached beside the one that is there. */
  readonly isForced: boolean
  /** When the signatures were made. */
  readonly signedAt: Date
  readonly signal: AbortSignal
}

/**
 * Publishes a signature beside its image, reads it back and verifies it, as anyone would.
 *
 * @param made Verified.
 * @param seen What the tags beside the image held a moment ago.
 * @throws ChanceryError what `attachSignature`, `publishBundle` and the verification throw.
 */
export async function publishSignature(
  output: Output,
  client: RegistryClient,
  image: ImageToSign,
  made: MadeSignature,
  publication: Publication,
  seen: SeenTags,
): Promise<SignatureOutcome> {
  return made.format === 'legacy'
    ? attachLegacy(output, client, image, made.signature, publication, seen)
    : publishAsBundle(output, client, image, made.bundle, publication, seen)
}

/**
 * Makes sure that what a signature that is there is over, or is, can be read, which nobody needs who knows it already:
 * reads it, and uploads it again where it is gone, so that others can verify the signature, too.
 *
 * @throws ChanceryError ERR_REGISTRY_DIGEST if the registry has other bytes there; besides, what the client throws.
 */
export async function restoreContent(
  output: Output,
  client: RegistryClient,
  { image: { repository }, payload, name }: ImageToSign,
  made: MadeSignature,
  signal: AbortSignal,
): Promise<void> {
  const content = made.format === 'legacy' ? payload : made.bundle
  try {
    await client.blobs.get(repository, `sha256:${sha256Hex(content)}`, content.length, signal)
  } catch (error) {
    const isGone = error instanceof ChanceryError && error.code === 'ERR_REGISTRY_NOT_FOUND'
    if (!isGone) throw error
    await client.blobs.upload(repository, content, signal)
    output.warn(`what the ${made.format} signature of ${name} is over was gone; it is there again`)
  }
}

async function attachLegacy(
  output: Output,
  client: RegistryClient,
  { image, payload, name }: ImageToSign,
  signature: string,
  { publicKey, chain, annotations, isForced, signal }: Publication,
  seen: SeenTags,
): Promise<SignatureOutcome> {
  const { certificate, certificateChain } = chain ?? {}
  const options = {
    signal,
    seen: isForced ? undefined : seen.legacy,
    isLikelyFirst: seen.isLikelyBare === true,
    ...(isForced ? {} : { publicKey }),
  }
  const { tag, outcome, signatures, found } = await attachSignature(
    client,
    image,
    { payload, signature, certificate, certificateChain },
    options,
  )
  const isThere = outcome === 'already-attached'
  output.progress(
    isThere
      ? `already signed: ${name}`
      : `attached: ${name}, which has ${counted(signatures, 'signature')} now`,
  )
  await verifyResolvedImage(client, image, { publicKey, annotations, signal }, found)
  return {
    format: 'legacy',
    outcome: isThere ? 'already-signed' : 'attached',
    reference: `${referenceContext(image.repository)}:${tag}`,
  }
}

async function publishAsBundle(
  output: Output,
  client: RegistryClient,
  image: ImageToSign,
  bundle: Uint8Array,
  publication: Publication,
  seen: SeenTags,
): Promise<SignatureOutcome> {
  const { signedAt, signal } = publication
  const wanted = wantedBundle(image, publication)
  const { digest, listedBy } = await publishBundle(
    client,
    image.image,
    { bytes: bundle, predicateType: COSIGN_SIGNATURE_PREDICATE, createdAt: signedAt },
    { seen: seen.bundle, signal },
  )
  await verifyPublishedBundle(client, image.image, digest, wanted, signal)
  const where = listedBy === 'api' ? 'a referrer' : 'a referrer under the fallback tag'
  output.progress(`attached: ${image.name}, as a bundle (${where})`)
  const reference = `${referenceContext(image.image.repository)}@${digest}`
  return { format: 'bundle', outcome: 'attached', reference }
}
