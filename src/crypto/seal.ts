import { createCipheriv, createDecipheriv } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import { randomBytes } from './random.ts'

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts and authenticates bytes under a 32-byte key with AES-256-GCM.
 *
 *     version (1 byte, 0x01) || nonce (12, random) || ciphertext || tag (16)
 *
 * The nonce is random: one key may seal 2^32 times (NIST SP 800-38D, 8.3).
 *
 * @param associatedData Not encrypted and not stored, but needed again to open it: says what the bytes belong to.
 */
export function seal(
  key: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(associatedData)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return Buffer.concat([new Uint8Array([VERSION]), nonce, ciphertext, cipher.getAuthTag()])
}

/**
 * Opens what {@link seal} made.
 *
 * @throws ChanceryError ERR_CRYPTO_SEAL if the key or the associated data is another, or a byte was changed.
 */
export function unseal(
  key: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) {
    throw new ChanceryError('ERR_CRYPTO_SEAL', 'expected sealed data of version 1')
  }
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(associatedData)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES))
  try {
    decipher.final()
  } catch (cause) {
    throw new ChanceryError(
      'ERR_CRYPTO_SEAL',
      'the sealed data does not open: another key sealed it, it belongs to something else, or it was changed',
      { cause },
    )
  }
  return plaintext
}
