// Not from node:fs/promises: loading that takes a tenth of a start, and most commands only read.
import { promises, readFile } from 'node:fs'
import { dirname, join } from 'node:path'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'

/**
 * Reads a file that the user named.
 *
 * @throws ChanceryError ERR_CLI_FILE if it cannot be read, or is larger than `maxBytes`.
 */
export async function readUserFile(path: string, maxBytes: number): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = await readWhole(path)
  } catch (cause) {
    throw new ChanceryError('ERR_CLI_FILE', `expected to read ${path}, found ${reasonOf(cause)}`, {
      cause,
    })
  }
  if (bytes.length > maxBytes) {
    throw new ChanceryError('ERR_CLI_FILE', `expected at most ${maxBytes} bytes in ${path}`)
  }
  return bytes
}

function readWhole(path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    readFile(path, (error, bytes) => {
      if (error === null) resolve(bytes)
      else reject(error)
    })
  })
}

/**
 * Writes a file that the user named, whole or not at all; replaces one that exists.
 *
 * @param mode Permissions of a new file.
 * @throws ChanceryError ERR_CLI_FILE if it cannot be written.
 */
export async function writeUserFile(path: string, bytes: Uint8Array, mode = 0o666): Promise<void> {
  const fresh = join(dirname(path), `.chancery-${randomGuid(Date.now())}.new`)
  try {
    // Never into a file or a link that somebody else has put there: the directory may be theirs too.
    await promises.writeFile(fresh, bytes, { mode, flag: 'wx' })
    await promises.rename(fresh, path)
  } catch (cause) {
    await promises.rm(fresh, { force: true }).catch(() => undefined)
    throw new ChanceryError('ERR_CLI_FILE', `expected to write ${path}, found ${reasonOf(cause)}`, {
      cause,
    })
  }
}

/**
 * Writes a new file that the user named, and never one that exists.
 *
 * @throws ChanceryError ERR_CLI_FILE_EXISTS if there is one; ERR_CLI_FILE if it cannot be written.
 */
export async function createUserFile(path: string, bytes: Uint8Array, mode = 0o666): Promise<void> {
  try {
    await promises.writeFile(path, bytes, { mode, flag: 'wx', flush: true })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new ChanceryError('ERR_CLI_FILE_EXISTS', `${path} is there already`, {
        hints: ['Say --yes to replace it, or name another file.'],
      })
    }
    await promises.rm(path, { force: true }).catch(() => undefined)
    throw new ChanceryError('ERR_CLI_FILE', `expected to write ${path}, found ${reasonOf(cause)}`, {
      cause,
    })
  }
}

/** Whether there is anything under a path that the user named. */
export async function userFileExists(path: string): Promise<boolean> {
  try {
    await promises.lstat(path)
    return true
  } catch (cause) {
    if (reasonOf(cause) === 'no such file or directory') return false
    throw new ChanceryError('ERR_CLI_FILE', `expected to read ${path}, found ${reasonOf(cause)}`, {
      cause,
    })
  }
}

function reasonOf(thrown: unknown): string {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (code === 'ENOENT') return 'no such file or directory'
  if (code === 'EACCES' || code === 'EPERM') return 'that you may not'
  if (code === 'EISDIR') return 'a directory'
  if (code === 'ENOSPC') return 'a full disk'
  return typeof code === 'string' ? code : 'an error'
}
