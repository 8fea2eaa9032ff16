import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Two that write the same file at once must not share a temporary one. */
let written = 0

/**
 * Writes a file so that it is there in full after a power failure, or not at all: a temporary file beside it, fsync,
 * rename, fsync of the directory. An existing file is replaced.
 */
export async function writeDurableFile(
  path: string,
  bytes: Uint8Array,
  mode = 0o600,
): Promise<void> {
  written += 1
  const temporary = `${path}.${written}.new`
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
  await syncDirectory(dirname(path))
}

/** Removes a file so that it does not come back after a power failure. */
export async function removeDurableFile(path: string): Promise<void> {
  await rm(path)
  await syncDirectory(dirname(path))
}

/** Makes a directory, unless it is there, so that what is put into it durably does not vanish with it. */
export async function makeDurableDirectory(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 })
  if (made !== undefined) await syncDirectory(dirname(path))
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
