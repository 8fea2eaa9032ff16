import { ChanceryError } from '../errors/chancery-error.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { referenceContext } from '../format/oci-reference.ts'
import { parseSimpleSigning } from '../format/simple-signing.ts'
import {
  decodeSignature,
  verifySimpleSigningSignature,
} from '../verify/simple-signing-signature.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { ImageByDigest } from './resolve-image.ts'
import { pause } from './retry.ts'
import {
  describeSignature,
  encodeSignatures,
  layersOfSignatures,
  signatureTag,
  signatureTextOf,
  type SignatureToAttach,
} from './signature-manifest.ts'

/** How a signature is attached. */
export interface AttachOptions {
  /**
   * DER SubjectPublicKeyInfo. With it the signature is verified first, and a signature of this key over the same payload
   * that is there already counts as the same, even where the algorithm makes another one each time.
   */
  readonly publicKey?: Uint8Array
  readonly signal?: AbortSignal
}

/** What became of an attachment. */
export interface AttachedSignature {
  /** The tag that holds the signatures of the image. */
  readonly tag: string
  readonly outcome: 'attached' | 'already-attached'
  /** How many signatures the image has now. */
  readonly signatures: number
}

/** Rounds of reading, merging and writing after which it is given up. */
const MAX_ROUNDS = 40
/** Writes that may fail before that is the error. */
const MAX_FAILURES = 3
const MIN_SETTLE_MS = 200
const MAX_SETTLE_MS = 3_000
/** How often the tag has to be found complete when others write it at the same time. */
const CONFIRMATIONS_AMONG_OTHERS = 3

/** The last attachment in progress, by image. */
const queues = new Map<string, Promise<unknown>>()

/**
 * Attaches a signature to an image, beside those it has: one more layer under the tag `sha256-<hex>.sig`, where
 * Cosign, podman and skopeo look. Idempotent: the same signature is not attached twice.
 *
 * Registries offer no atomic change of a tag, so two writers can undo one another. Against that:
 * - in this process attachments to one image wait for one another;
 * - the tag is read again just before it is written, and `If-Match` goes along where the registry gives an ETag;
 * - it is read again after everybody who might have read the old state has had time to write, and everything that has
 *   been seen and is missing is written again, with pauses of random length.
 *
 * @throws ChanceryError ERR_FORMAT_PAYLOAD, ERR_VERIFY_SIGNATURE_TEXT if payload or signature are malformed.
 * @throws ChanceryError ERR_VERIFY_DIGEST if the payload is about another image.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if a public key is given and the signature does not verify.
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if the tag holds something else, or too much.
 * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if others kept undoing it; besides, what {@link RegistryClient} throws.
 */
export async function attachSignature(
  client: RegistryClient,
  image: ImageByDigest,
  signature: SignatureToAttach,
  options: AttachOptions = {},
): Promise<AttachedSignature> {
  requireFit(image, signature, options.publicKey)
  const key = `${referenceContext(image.repository)}@${image.digest}`
  const before = queues.get(key) ?? Promise.resolve()
  const own = before
    .catch(() => undefined)
    .then(() => new Attachment(client, image, signature, options).run())
  queues.set(key, own)
  try {
    return await own
  } finally {
    if (queues.get(key) === own) queues.delete(key)
  }
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

class Attachment {
  readonly #client: RegistryClient
  readonly #image: ImageByDigest
  readonly #signature: SignatureToAttach
  readonly #options: AttachOptions
  readonly #tag: string
  readonly #layer: Descriptor
  /** Every layer seen under the tag since the beginning, and our own. */
  readonly #known: Descriptor[] = []
  #longestWriteMs = 0
  #hasSeenOthers = false
  /** Whether the registry has shown that it honours `If-Match`, so that nobody can undo what is there. */
  #isConditional = false
  #failures = 0

  constructor(
    client: RegistryClient,
    image: ImageByDigest,
    signature: SignatureToAttach,
    options: AttachOptions,
  ) {
    this.#client = client
    this.#image = image
    this.#signature = signature
    this.#options = options
    this.#tag = signatureTag(image.digest)
    this.#layer = describeSignature(signature)
  }

  async run(): Promise<AttachedSignature> {
    const first = await this.#read()
    const existing = layersIn(first)
    if (existing.some((layer) => this.#isOurs(layer))) {
      return { tag: this.#tag, outcome: 'already-attached', signatures: existing.length }
    }
    await this.#client.pushBlob(
      this.#image.repository,
      this.#signature.payload,
      this.#options.signal,
    )
    this.#learn(existing)
    this.#known.push(this.#layer)
    await this.#write(first)
    let confirmations = 0
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      await pause(this.#settleMs(round), this.#options.signal)
      const found = await this.#read()
      this.#hasSeenOthers = this.#learn(layersIn(found)) || this.#hasSeenOthers
      if (this.#isMissingSome(found)) {
        this.#hasSeenOthers = true
        confirmations = 0
        await this.#write(found)
        continue
      }
      confirmations++
      const mayBeUndone = this.#hasSeenOthers && !this.#isConditional
      if (confirmations < (mayBeUndone ? CONFIRMATIONS_AMONG_OTHERS : 1)) continue
      return { tag: this.#tag, outcome: 'attached', signatures: layersIn(found).length }
    }
    throw new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `others kept changing ${this.#tag} for ${MAX_ROUNDS} rounds; the signature may be missing`,
      { hints: ['Attach it again when fewer sign this image at the same time.'] },
    )
  }

  #read(): Promise<PulledManifest | undefined> {
    return this.#client.findManifest(this.#image.repository, this.#tag, this.#options.signal)
  }

  /** Writes all that is known, unless the tag is no longer what it was when `seen` was read. */
  async #write(seen: PulledManifest | undefined): Promise<void> {
    const kept = seen?.manifest.kind === 'manifest' ? seen.manifest : undefined
    const encoded = encodeSignatures(this.#known, kept)
    await this.#client.pushBlob(this.#image.repository, encoded.config, this.#options.signal)
    const startedAt = performance.now()
    // The time between this and the write is all that remains for another writer to come between.
    const now = await this.#read()
    if (now?.digest !== seen?.digest) {
      this.#hasSeenOthers = true
      return
    }
    try {
      await this.#client.pushManifest(this.#image.repository, this.#tag, encoded, {
        ifMatch: now?.etag,
        ifNoneMatch: now === undefined ? '*' : undefined,
        // A repeated write might undo what another wrote after the first arrived.
        isRepeatable: false,
        signal: this.#options.signal,
      })
    } catch (error) {
      this.#requireTemporary(error)
    }
    this.#longestWriteMs = Math.max(this.#longestWriteMs, performance.now() - startedAt)
  }

  /** Lets those errors pass after which the next round finds out what happened. */
  #requireTemporary(error: unknown): void {
    if (!(error instanceof ChanceryError) || this.#options.signal?.aborted === true) throw error
    if (error.code === 'ERR_REGISTRY_PRECONDITION') {
      this.#isConditional = true
      return
    }
    // Distribution 2.8 refuses, now and then, a manifest that is being pushed by another at the same moment.
    const mayPass =
      error.code === 'ERR_REGISTRY_UNAVAILABLE' || error.code === 'ERR_REGISTRY_REFUSED'
    if (!mayPass || ++this.#failures > MAX_FAILURES) throw error
  }

  /** Long enough for another writer, about as slow as we are, to finish what it began before our write. */
  #settleMs(round: number): number {
    const settle = Math.max(MIN_SETTLE_MS, this.#longestWriteMs * 2)
    const spread = Math.min(round, 4) * MIN_SETTLE_MS * Math.random()
    return Math.min(settle, MAX_SETTLE_MS) + spread
  }

  /** True if there were layers not seen before. */
  #learn(layers: readonly Descriptor[]): boolean {
    const unknown = layers.filter((layer) => !includes(this.#known, layer))
    this.#known.push(...unknown)
    return unknown.length > 0
  }

  #isMissingSome(found: PulledManifest | undefined): boolean {
    const present = layersIn(found)
    return this.#known.some((layer) => !includes(present, layer))
  }

  #isOurs(layer: Descriptor): boolean {
    if (isSame(layer, this.#layer)) return true
    const { publicKey } = this.#options
    const signature = signatureTextOf(layer)
    if (publicKey === undefined || signature === undefined || layer.digest !== this.#layer.digest) {
      return false
    }
    const expected = { digest: this.#image.digest, repositories: 'any' } as const
    const { payload } = this.#signature
    try {
      verifySimpleSigningSignature({ payload, signature, publicKey }, expected)
      return true
    } catch (error) {
      if (error instanceof ChanceryError) return false
      throw error
    }
  }
}

function layersIn(found: PulledManifest | undefined): readonly Descriptor[] {
  return found === undefined ? [] : layersOfSignatures(found.manifest)
}

function includes(layers: readonly Descriptor[], wanted: Descriptor): boolean {
  return layers.some((layer) => isSame(layer, wanted))
}

/** Whether two layers are one signature of one payload; how its base64 is broken into lines does not matter. */
function isSame(one: Descriptor, other: Descriptor): boolean {
  const text = (layer: Descriptor) => signatureTextOf(layer)?.replace(/\s+/g, '')
  return one.digest === other.digest && text(one) === text(other)
}
