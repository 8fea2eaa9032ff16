import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file so that it is there in full after a power failure, or not at all: a temporary file beside it, fsync,
 * rename, fsync of the directory. An existing file is replaced.
 */
export async function writeDurableFile(
  path: string,
  bytes: Uint8Array,
  mode = 0o600,
): Promise<void> {
  const temporary = `${path}.new`
  try {
    const file = await open(temporary, 'w', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (thrown) {
    await rm(temporary, { force: true })
    throw thrown
  }
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
