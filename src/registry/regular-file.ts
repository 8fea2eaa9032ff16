import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

/**
 * Opens a file for reading if it is a regular one, also behind a link: a pipe or a device, which never ends, is none.
 *
 * @returns Undefined if there is none, or it is something else.
 */
export async function openRegularFile(path: string): Promise<FileHandle | undefined> {
  // Without O_NONBLOCK opening a pipe waits for whoever writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
  if (file === undefined) return undefined
  const stats = await file.stat()
  if (stats.isFile()) return file
  await file.close()
  return undefined
}

/**
 * The content of a regular file; undefined if there is none.
 *
 * @returns At most `maxBytes` and one more, by which a file that is larger is known.
 */
export async function readRegularFile(
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const file = await openRegularFile(path)
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const bytes = Buffer.alloc(Math.min(size, maxBytes + 1))
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return bytes.subarray(0, length)
  } finally {
    await file.close()
  }
}
