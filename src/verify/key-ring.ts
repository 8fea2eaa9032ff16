import { sha256Hex } from '../crypto/digest.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import { VerificationKey } from '../crypto/verification-key.ts'
import { encodeHex } from '../format/hex.ts'
import { BoundedMap } from './bounded-map.ts'

/** The most keys that are kept open. */
const MAX_KEYS = 256
/** The most signatures that are known by their bytes, about 300 bytes each. */
const MAX_SIGNATURES = 4096
/** Of a message or a signature; longer ones are verified each time: to recognise them takes as long. */
const MAX_REMEMBERED_BYTES = 64 * 1024

/** In place of the name of all that a signature holds for: it has held once, for something. */
const HELD_ONCE = ''

/**
 * Opens public keys for many verifications. What has held twice is remembered, the latest of it: that a key signed given
 * bytes does not change with time. It is recognised by the SHA-256 of all that it depends on, the exact bytes of key, message
 * and signature and the scheme, and only what held gets there, so that the ring can have forgotten but never be wrong. Whether
 * a key is trusted, for what and when, is not its business.
 *
 * Most signatures never come again: what has held once costs an entry, not a hash.
 */
export class KeyRing {
  readonly #keys = new BoundedMap<string, VerificationKey>(MAX_KEYS)
  readonly #signatures = new BoundedMap<string, string>(MAX_SIGNATURES)

  /**
   * @param publicKey DER SubjectPublicKeyInfo.
   * @throws ChanceryError ERR_CRYPTO_KEY if the key does not parse or is of a kind that Chancery does not use.
   */
  open(publicKey: Uint8Array): VerificationKey {
    // Copied: the caller's bytes can be part of something larger, and can change.
    const own = Uint8Array.from(publicKey)
    const name = encodeHex(own)
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    return new RingKey(own, this.#signatures, (key) => this.#keys.set(name, key))
  }
}

/** A key of a ring. */
class RingKey extends VerificationKey {
  readonly #own: Uint8Array
  readonly #signatures: BoundedMap<string, string>
  readonly #keep: (key: RingKey) => void

  constructor(
    publicKey: Uint8Array,
    signatures: BoundedMap<string, string>,
    keep: (key: RingKey) => void,
  ) {
    super(Uint8Array.from(publicKey))
    this.#own = publicKey
    this.#signatures = signatures
    this.#keep = keep
  }

  override verify(message: Uint8Array, signature: Uint8Array, scheme: SignatureScheme): void {
    if (message.length > MAX_REMEMBERED_BYTES || signature.length > MAX_REMEMBERED_BYTES) {
      super.verify(message, signature, scheme)
      return
    }
    const { buffer, byteOffset, byteLength } = signature
    const bytes = Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
    const known = this.#signatures.get(bytes)
    if (known === undefined) {
      super.verify(message, signature, scheme)
      this.#signatures.set(bytes, HELD_ONCE)
      return
    }
    // One copy is named and verified, so that they are the same bytes whatever happens to the caller's.
    const head = describeInputs(this.#own, message, signature, scheme)
    const inputs = Buffer.concat([head, this.#own, message, signature])
    const name = sha256Hex(inputs)
    if (known !== name) {
      const start = head.length + this.#own.length
      const end = start + message.length
      super.verify(inputs.subarray(start, end), inputs.subarray(end), scheme)
      this.#signatures.set(bytes, name)
    }
    this.#keep(this)
  }
}

/** What stands before the bytes, with their lengths, so that none can be taken for part of its neighbour. */
function describeInputs(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  { hash, rsaPadding, ecdsaFormat }: SignatureScheme,
): Uint8Array {
  const lengths = `${publicKey.length} ${message.length} ${signature.length}`
  return Buffer.from(`${hash} ${rsaPadding ?? '-'} ${ecdsaFormat ?? '-'} ${lengths}\n`, 'latin1')
}
