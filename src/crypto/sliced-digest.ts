import { setImmediate } from 'node:timers/promises'
import { startDigest } from './digest.ts'

/** What is hashed without a pause: 1 MiB, a millisecond or two. */
export const SLICE_BYTES = 1024 * 1024

/** The SHA-256 hash, 32 bytes, of bytes that do not change meanwhile; other work runs between the slices. */
export async function sha256InSlices(message: Uint8Array): Promise<Uint8Array> {
  const digest = startDigest('sha256')
  for (let at = 0; at < message.length; at += SLICE_BYTES) {
    digest.update(message.subarray(at, at + SLICE_BYTES))
    await setImmediate()
  }
  return digest.finish()
}
