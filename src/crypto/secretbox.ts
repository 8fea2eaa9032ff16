import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'

/** The lengths of NaCl's secretbox in bytes. */
export const SECRETBOX = { keyBytes: 32, nonceBytes: 24 } as const

/** Encrypts and authenticates as NaCl's `crypto_secretbox` (XSalsa20-Poly1305), which Node does not have. */
export function sealSecretbox(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  return xsalsa20poly1305(key, nonce).encrypt(plaintext)
}

/** Opens what {@link sealSecretbox} made; undefined if the key is another or a byte was changed. */
export function openSecretbox(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  try {
    return xsalsa20poly1305(key, nonce).decrypt(ciphertext)
  } catch {
    return undefined
  }
}
