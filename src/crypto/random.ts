import { randomFillSync } from 'node:crypto'
import { formatUuidV7 } from '../format/guid.ts'

const GUID_RANDOM_BYTES = 10
const POOL_BYTES = 512 * GUID_RANDOM_BYTES

const pool = new Uint8Array(POOL_BYTES)
let poolOffset = POOL_BYTES

/** Random bytes for secrets, salts and nonces, from the operating system's generator by way of OpenSSL's. */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length))
}

/**
 * A new id that sorts by age. Its random bits come from a pool, as the call for them would cost more than the rest:
 * an id is unique, not secret.
 *
 * @param unixMs Milliseconds since 1970.
 */
export function randomGuid(unixMs: number): string {
  if (poolOffset === POOL_BYTES) {
    randomFillSync(pool)
    poolOffset = 0
  }
  const random = pool.subarray(poolOffset, poolOffset + GUID_RANDOM_BYTES)
  poolOffset += GUID_RANDOM_BYTES
  return formatUuidV7(unixMs, random)
}
