import { pbkdf2 } from 'node:crypto'
import type { HashAlgorithm } from './algorithms.ts'

/**
 * PBKDF2 with HMAC, on the thread pool.
 *
 * @param iterations The caller bounds a number it did not choose: a million take about a second.
 * Source: RFC 8018, 5.2.
 */
export function derivePbkdf2(
  hash: HashAlgorithm | 'sha1' | 'sha224',
  passphrase: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(passphrase, salt, iterations, length, hash, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
