import { sha256Hex } from '../crypto/digest.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import { VerificationKey } from '../crypto/verification-key.ts'
import { BoundedMap } from './bounded-map.ts'
import { RecentMarks } from './recent-marks.ts'

/** The most keys that are kept open. */
const MAX_KEYS = 256
/** The most signatures that are remembered, about 150 bytes each. */
const MAX_SIGNATURES = 4096
/** Of a message or a signature; longer ones are verified each time: to recognise them takes as long. */
const MAX_REMEMBERED_BYTES = 64 * 1024

/**
 * Opens public keys for many verifications. What has held twice is remembered, the latest of it: that a key signed given
 * bytes does not change with time. It is recognised by the SHA-256 of all that it depends on, the exact bytes of key, message
 * and signature and the scheme, and only what held gets there, so that the ring can have forgotten but never be wrong. Whether
 * a key is trusted, for what and when, is not its business.
 *
 * Most signatures never come again: what has held once leaves a mark, which costs no hash and pushes nothing out that is
 * remembered.
 */
export class KeyRing {
  readonly #keys = new BoundedMap<string, VerificationKey>(MAX_KEYS)
  readonly #memory: Memory = {
    marks: new RecentMarks(MAX_SIGNATURES),
    held: new BoundedMap(MAX_SIGNATURES),
  }

  /**
   * @param publicKey DER SubjectPublicKeyInfo.
   * @throws ChanceryError ERR_CRYPTO_KEY if the key does not parse or is of a kind that Chancery does not use.
   */
  open(publicKey: Uint8Array): VerificationKey {
    // A text is a copy: the caller's bytes can be part of something larger, and can change.
    const name = asText(publicKey)
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    return new RingKey(name, this.#memory, (key) => this.#keys.set(name, key))
  }
}

/** What a ring knows of signatures. */
interface Memory {
  /** Of those that have held at least once. */
  readonly marks: RecentMarks
  /** The names of all that a signature depends on, where it has held. */
  readonly held: BoundedMap<string, true>
}

/** A key of a ring. */
class RingKey extends VerificationKey {
  /** DER SubjectPublicKeyInfo, one character a byte. */
  readonly #own: string
  readonly #memory: Memory
  readonly #keep: (key: RingKey) => void

  constructor(publicKey: string, memory: Memory, keep: (key: RingKey) => void) {
    super(asBytes(publicKey))
    this.#own = publicKey
    this.#memory = memory
    this.#keep = keep
  }

  override verify(message: Uint8Array, signature: Uint8Array, scheme: SignatureScheme): void {
    if (message.length > MAX_REMEMBERED_BYTES || signature.length > MAX_REMEMBERED_BYTES) {
      super.verify(message, signature, scheme)
      return
    }
    const { marks, held } = this.#memory
    const mark = markOf(signature)
    if (!marks.has(mark)) {
      super.verify(message, signature, scheme)
      marks.add(mark)
      return
    }
    // Again, so that it stays among the latest.
    marks.add(mark)
    // One copy is named and verified, so that they are the same bytes whatever happens to the caller's.
    const head = describeInputs(this.#own, message, signature, scheme)
    const inputs = Buffer.concat([head, message, signature])
    const name = sha256Hex(inputs)
    if (!held.has(name)) {
      const end = head.length + message.length
      super.verify(inputs.subarray(head.length, end), inputs.subarray(end), scheme)
      held.set(name, true)
    }
    this.#keep(this)
  }
}

/** Its last four bytes: what has another mark is another signature, what has the same may be. */
function markOf(signature: Uint8Array): number {
  let mark = 0
  for (const byte of signature.subarray(-4)) mark = (mark << 8) | byte
  return mark
}

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function asBytes(text: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(text, 'latin1')
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** What stands before message and signature: the key, and all lengths, so that none can be taken for part of its neighbour. */
function describeInputs(
  publicKey: string,
  message: Uint8Array,
  signature: Uint8Array,
  { hash, rsaPadding, ecdsaFormat }: SignatureScheme,
): Uint8Array {
  const lengths = `${publicKey.length} ${message.length} ${signature.length}`
  const text = `${hash} ${rsaPadding ?? '-'} ${ecdsaFormat ?? '-'} ${lengths}\n${publicKey}`
  return Buffer.from(text, 'latin1')
}
