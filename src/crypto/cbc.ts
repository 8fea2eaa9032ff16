import { createDecipheriv } from 'node:crypto'
import { decryptRc2Cbc } from './rc2.ts'

/** The block ciphers of password-based encryption: their names here, key and block lengths in bytes. */
export const CBC_CIPHERS = {
  'aes-128-cbc': { keyBytes: 16, blockBytes: 16 },
  'aes-192-cbc': { keyBytes: 24, blockBytes: 16 },
  'aes-256-cbc': { keyBytes: 32, blockBytes: 16 },
  'des-ede3-cbc': { keyBytes: 24, blockBytes: 8 },
  'rc2-128-cbc': { keyBytes: 16, blockBytes: 8 },
  'rc2-40-cbc': { keyBytes: 5, blockBytes: 8 },
} as const

/** One of {@link CBC_CIPHERS}. */
export type CbcCipher = keyof typeof CBC_CIPHERS

/**
 * Decrypts CBC with PKCS#7 padding. Nothing authenticates it: most wrong keys show in the padding, the rest has to show
 * in what is inside.
 *
 * @returns Undefined if the padding is wrong, or the ciphertext is no whole number of blocks.
 * Source: RFC 8018, 6.1.1 and B.2.
 */
export function decryptCbc(
  cipher: CbcCipher,
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  const { blockBytes } = CBC_CIPHERS[cipher]
  if (ciphertext.length === 0 || ciphertext.length % blockBytes !== 0) return undefined
  const padded = decryptBlocks(cipher, key, iv, ciphertext)
  const padding = padded.at(-1) ?? 0
  if (padding < 1 || padding > blockBytes) return undefined
  if (padded.subarray(-padding).some((octet) => octet !== padding)) return undefined
  return padded.subarray(0, -padding)
}

function decryptBlocks(
  cipher: CbcCipher,
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array {
  if (cipher === 'rc2-128-cbc' || cipher === 'rc2-40-cbc') return decryptRc2Cbc(key, iv, ciphertext)
  const decipher = createDecipheriv(cipher, key, iv).setAutoPadding(false)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}
