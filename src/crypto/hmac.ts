import { createHmac } from 'node:crypto'
import type { HashAlgorithm } from './algorithms.ts'

/** HMAC under SHA-1 too, which PKCS#12 files still use for their integrity. Source: RFC 2104. */
export function hmac(
  algorithm: HashAlgorithm | 'sha1',
  key: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  return createHmac(algorithm, key).update(message).digest()
}

/** HMAC-SHA-256, 32 bytes. Source: RFC 2104. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac('sha256', key, message)
}
