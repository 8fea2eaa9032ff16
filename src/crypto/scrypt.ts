import { scrypt } from 'node:crypto'

/** The cost of {@link deriveScrypt}. Source: RFC 7914, 2. */
export interface ScryptCost {
  /** N, a power of two. */
  readonly cost: number
  /** r */
  readonly blockSize: number
  /** p */
  readonly parallelization: number
}

/** OWASP's recommendation of 2^17, 8, 1: 128 MiB and about half a second. */
export const SCRYPT_COST: ScryptCost = { cost: 131072, blockSize: 8, parallelization: 1 }

const MAX_MEMORY = 256 * 1024 * 1024

/**
 * Turns a passphrase into a key, on the thread pool.
 *
 * @param passphrase UTF-8 bytes; may be empty.
 * @param cost At most 256 MiB (128 × N × r); the caller checks a cost it did not choose.
 * Source: RFC 7914.
 */
export function deriveScrypt(
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  length: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = {
      N: cost.cost,
      r: cost.blockSize,
      p: cost.parallelization,
      maxmem: MAX_MEMORY,
    }
    scrypt(passphrase, salt, length, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
