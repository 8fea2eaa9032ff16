import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { referenceContext, type ImageReference } from '../format/oci-reference.ts'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import {
  verifySimpleSigningSignature,
  type ExpectedImage,
  type VerifiedSignature,
} from '../verify/simple-signing-signature.ts'
import type { RepositoryName } from './origins.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { resolveImage, type ImageByDigest } from './resolve-image.ts'
import {
  layersOfSignatures,
  signatureTag,
  signatureTextOf,
  SIMPLE_SIGNING_LAYER,
} from './signature-manifest.ts'

/** What the signature of an image has to satisfy. */
export interface ImageRequirements {
  /** DER SubjectPublicKeyInfo; it comes from the verifier, never from the registry. */
  readonly publicKey: Uint8Array
  /** Annotations that must have been signed with exactly these values. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Repositories, besides the image's own, that the signature may name: where the image was signed before it was copied. */
  readonly allowedIdentities?: readonly string[]
  readonly signal?: AbortSignal
}

/** A signature that was not accepted, and why. */
export interface RefusedSignature {
  /** Position in the manifest of signatures, from 0. */
  readonly index: number
  readonly error: ChanceryError
}

/** What is known about the signatures of an image; at least one was accepted. */
export interface ImageVerification {
  readonly image: ImageByDigest
  readonly verified: readonly VerifiedSignature[]
  readonly refused: readonly RefusedSignature[]
}

/** The most bytes of a signed payload that are read. */
const MAX_PAYLOAD_BYTES = 1024 * 1024

/**
 * Verifies the attached signatures of an image with a key. One that satisfies everything suffices; of each other one
 * the reason is told.
 *
 * Beyond what Cosign checks, the signed reference must be the repository that was asked for, or one of
 * `allowedIdentities`: else a signature of `test/app` would do for `prod/app`.
 *
 * @throws ChanceryError ERR_VERIFY_UNSIGNED if the registry says that there are no signatures.
 * @throws ChanceryError ERR_VERIFY_NOTHING_ACCEPTED if none of them is accepted; the hints tell why, one by one.
 * @throws ChanceryError ERR_REGISTRY_* if the image or its signatures cannot be read; that is never taken for unsigned.
 */
export async function verifyImage(
  client: RegistryClient,
  reference: ImageReference,
  requirements: ImageRequirements,
): Promise<ImageVerification> {
  const image = await resolveImage(client, reference, requirements.signal)
  return verifyResolvedImage(client, image, requirements)
}

/**
 * Like {@link verifyImage}, for an image whose digest was looked up or comes from an index that was.
 *
 * @param found What the tag of its signatures holds, where that has just been read.
 */
export async function verifyResolvedImage(
  client: RegistryClient,
  image: ImageByDigest,
  requirements: ImageRequirements,
  found?: PulledManifest,
): Promise<ImageVerification> {
  const { signal, annotations = {}, allowedIdentities = [] } = requirements
  const context = referenceContext(image.repository)
  const layers = await findSignatureLayers(client, image, signal, found)
  const expected: ExpectedImage = {
    digest: image.digest,
    repositories: [context, ...allowedIdentities],
    annotations,
  }
  const payloads = new PayloadReader(client, image.repository, signal)
  const { digest: manifestDigest } = image
  payloads.expect(encodeSimpleSigning({ dockerReference: context, manifestDigest, annotations }))
  const verified: VerifiedSignature[] = []
  const refused: RefusedSignature[] = []
  for (const [index, layer] of layers.entries()) {
    try {
      const signature = {
        payload: await payloads.read(layer),
        signature: signatureTextOf(layer) ?? '',
        publicKey: requirements.publicKey,
      }
      verified.push(verifySimpleSigningSignature(signature, expected))
    } catch (error) {
      if (!(error instanceof ChanceryError) || error.code === 'ERR_CRYPTO_KEY') throw error
      refused.push({ index, error })
    }
  }
  if (verified.length === 0) throw nothingAccepted(image, refused)
  return { image, verified, refused }
}

async function findSignatureLayers(
  client: RegistryClient,
  image: ImageByDigest,
  signal: AbortSignal | undefined,
  seen: PulledManifest | undefined,
): Promise<readonly Descriptor[]> {
  const tag = signatureTag(image.digest)
  const found = seen ?? (await client.findManifest(image.repository, tag, signal))
  const layers = found === undefined ? [] : layersOfSignatures(found.manifest)
  if (layers.length > 0) return layers
  throw new ChanceryError(
    'ERR_VERIFY_UNSIGNED',
    `${referenceContext(image.repository)}@${image.digest} has no signature`,
    {
      hints: [
        'Signatures are looked for in the repository of the image: was it copied without them?',
      ],
    },
  )
}

/** Gives payloads: those that are known by their digest, those that several signatures share once, others as they are read. */
class PayloadReader {
  readonly #client: RegistryClient
  readonly #repository: RepositoryName
  readonly #signal: AbortSignal | undefined
  #last: { readonly digest: string; readonly bytes: Uint8Array } | undefined

  constructor(client: RegistryClient, repository: RepositoryName, signal: AbortSignal | undefined) {
    this.#client = client
    this.#repository = repository
    this.#signal = signal
  }

  /** Spares reading a payload that a signature is likely to be over. */
  expect(bytes: Uint8Array): void {
    this.#last = { digest: `sha256:${sha256Hex(bytes)}`, bytes }
  }

  async read({ mediaType, digest, size }: Descriptor): Promise<Uint8Array> {
    if (mediaType !== SIMPLE_SIGNING_LAYER) {
      throw new ChanceryError(
        'ERR_VERIFY_PAYLOAD',
        `expected a layer of type ${SIMPLE_SIGNING_LAYER}`,
      )
    }
    if (size > MAX_PAYLOAD_BYTES) {
      throw new ChanceryError(
        'ERR_VERIFY_PAYLOAD',
        `expected a payload of at most ${MAX_PAYLOAD_BYTES} bytes, found one of ${size}`,
      )
    }
    if (this.#last?.digest !== digest) {
      const bytes = await this.#client.blobs.get(this.#repository, digest, size, this.#signal)
      this.#last = { digest, bytes }
    }
    const { bytes } = this.#last
    if (bytes.length === size) return bytes
    throw new ChanceryError(
      'ERR_VERIFY_PAYLOAD',
      `expected a payload of ${size} bytes, as its descriptor says, found ${bytes.length}`,
    )
  }
}

function nothingAccepted(
  image: ImageByDigest,
  refused: readonly RefusedSignature[],
): ChanceryError {
  // Where a signature could not be read, nobody knows whether it would have been accepted.
  const unread = refused.find(({ error }) => isOfTransport(error))
  if (unread !== undefined) return unread.error
  const count =
    refused.length === 1 ? 'the one signature' : `none of the ${refused.length} signatures`
  return new ChanceryError(
    'ERR_VERIFY_NOTHING_ACCEPTED',
    refused.length === 1
      ? `${count} of ${referenceContext(image.repository)}@${image.digest} is not accepted`
      : `${count} of ${referenceContext(image.repository)}@${image.digest} is accepted`,
    { hints: explain(refused) },
  )
}

function isOfTransport({ kind }: ChanceryError): boolean {
  return kind === 'unavailable' || kind === 'unauthenticated' || kind === 'denied'
}

/** One line for each reason, so that a thousand signatures of another key are not a thousand lines. */
function explain(refused: readonly RefusedSignature[]): string[] {
  const indexes = new Map<string, number[]>()
  for (const { index, error } of refused) {
    const reason = `${error.message} (${error.code})`
    indexes.set(reason, [...(indexes.get(reason) ?? []), index + 1])
  }
  return [...indexes].slice(0, 20).map(([reason, numbers]) => {
    const named = numbers.slice(0, 5).join(', ') + (numbers.length > 5 ? ', ...' : '')
    return `Signature ${named}: ${reason}`
  })
}
