import { startDigest } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeHex } from '../format/hex.ts'
import { parseDigest } from '../format/oci-digest.ts'
import type { Descriptor } from '../format/oci-manifest.ts'

/**
 * Passes the pieces of a blob on and holds the last one back until size and digest were found right: whoever writes
 * them elsewhere never completes a wrong blob.
 *
 * @param source Where the pieces come from, for the error.
 * @throws ChanceryError ERR_REGISTRY_DIGEST instead of the last piece if the content is another.
 */
export async function* verifiedChunks(
  chunks: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  source: string,
): AsyncGenerator<Uint8Array> {
  const { algorithm, hex } = parseDigest(digest)
  const running = startDigest(algorithm)
  let length = 0
  let held: Uint8Array | undefined
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    if (held !== undefined) yield held
    held = chunk
    length += chunk.length
    if (length > size) break
    running.update(chunk)
  }
  const found = length === size ? encodeHex(running.finish()) : `${length} bytes`
  if (found !== hex) {
    throw new ChanceryError(
      'ERR_REGISTRY_DIGEST',
      `${source} has other bytes than asked for: expected ${size} bytes of ${digest}, found ${found}`,
      { hints: ['The source, or something before it, is broken or not to be trusted.'] },
    )
  }
  if (held !== undefined) yield held
}
