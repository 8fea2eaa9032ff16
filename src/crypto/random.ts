import { randomFillSync } from 'node:crypto'
import { formatUuidV7, UUID_V7_RANDOM_BYTES } from '../format/guid.ts'

const TRACE_ID_BYTES = 16

/** Random bytes for what is unique and not secret: a call of the generator for each would cost more than the rest. */
const pool = Buffer.alloc(8192)
let used = pool.length

/** Random bytes for secrets, salts and nonces, from the operating system's generator by way of OpenSSL's. */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length))
}

/**
 * A new id that sorts by age; unique, not secret.
 *
 * @param unixMs Milliseconds since 1970.
 */
export function randomGuid(unixMs: number): string {
  return formatUuidV7(unixMs, pool, takeFromPool(UUID_V7_RANDOM_BYTES))
}

/** A new id of something that passes: 32 lower-case hexadecimal digits; unique, not secret. Source: W3C Trace Context. */
export function randomTraceId(): string {
  const start = takeFromPool(TRACE_ID_BYTES)
  return pool.toString('hex', start, start + TRACE_ID_BYTES)
}

/** Where in the pool bytes start that nobody has had. */
function takeFromPool(length: number): number {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const start = used
  used += length
  return start
}
