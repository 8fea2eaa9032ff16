import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { MAX_BUNDLE_BYTES } from '../format/bundle.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { MAX_PAYLOAD_BYTES } from '../format/simple-signing.ts'
import type { UnverifiedSignature } from '../verify/image-signature.ts'
import type { ArtifactSource } from './artifact-store.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import type { SignatureCandidate } from './image-signatures.ts'
import { readLayer } from './published-artifacts.ts'
import { evidenceOf, signatureTextOf, SIMPLE_SIGNING_LAYER } from './signature-manifest.ts'

/** Reads signatures of one image: payloads that several share once, and one that is known by its digest not at all. */
export class SignatureReader {
  readonly #source: ArtifactSource
  readonly #allowance: ByteAllowance
  /** By digest. What it holds was counted against the allowance. */
  readonly #payloads = new Map<string, Promise<Uint8Array>>()

  constructor(source: ArtifactSource, allowance: ByteAllowance) {
    this.#source = source
    this.#allowance = allowance
  }

  /** Spares reading a payload that a signature is likely to be over. */
  expect(payload: Uint8Array): void {
    this.#payloads.set(`sha256:${sha256Hex(payload)}`, Promise.resolve(payload))
  }

  /**
   * Reads a signature with all that belongs to it.
   *
   * Signatures that are read at the same time count in the order in which that was asked for.
   *
   * @throws ChanceryError ERR_REGISTRY_ATTACHED_SIZE if it is more than may still be read of the image.
   * @throws ChanceryError ERR_VERIFY_PAYLOAD or ERR_REGISTRY_TOO_LARGE if it is of another type, or larger, than a
   * signature is; besides, what the source throws.
   */
  async read({ place, layer }: SignatureCandidate): Promise<UnverifiedSignature> {
    const { format } = place
    switch (format) {
      case 'bundle':
        return { format, text: await this.#readBundle(layer) }
      case 'envelope':
        return { format, text: await this.#readBundle(layer), ...evidenceOf(layer) }
      case 'simple-signing': {
        const payload = await this.#readPayload(layer)
        const signature = signatureTextOf(layer) ?? ''
        return { format, payload, signature, ...evidenceOf(layer) }
      }
    }
  }

  #readBundle(layer: Descriptor): Promise<Uint8Array> {
    return readLayer(this.#source, layer, this.#allowance, MAX_BUNDLE_BYTES)
  }

  async #readPayload(layer: Descriptor): Promise<Uint8Array> {
    const { mediaType, digest, size } = layer
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
    const reading = this.#payloads.get(digest) ?? readLayer(this.#source, layer, this.#allowance)
    this.#payloads.set(digest, reading)
    const bytes = await reading
    if (bytes.length === size) return bytes
    throw new ChanceryError(
      'ERR_VERIFY_PAYLOAD',
      `expected a payload of ${size} bytes, as its descriptor says, found ${bytes.length}`,
    )
  }
}
