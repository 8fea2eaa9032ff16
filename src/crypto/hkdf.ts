import { hkdfSync } from 'node:crypto'

/**
 * HKDF with SHA-256 and an empty salt: independent keys from one uniformly random key.
 *
 * @param label Says what the derived key is for; UTF-8, at most 1024 bytes.
 * @param length Bytes to derive, at most 8160.
 * Source: RFC 5869.
 */
export function deriveHkdf(key: Uint8Array, label: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), label, length))
}
