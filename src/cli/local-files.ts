// Not from node:fs/promises: loading that takes a tenth of a start, and most commands only read.
import { close, constants, fstat, open, promises, read } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'

/**
 * Reads a file that the user named; no more of it than `maxBytes`, also where it is a device or a pipe.
 *
 * @throws ChanceryError ERR_CLI_FILE if it cannot be read, or is larger than `maxBytes`.
 */
export async function readUserFile(path: string, maxBytes: number): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await readAtMost(path, maxBytes)
  } catch (cause) {
    throw new ChanceryError('ERR_CLI_FILE', `expected to read ${path}, found ${reasonOf(cause)}`, {
      cause,
    })
  }
  if (bytes !== undefined) return bytes
  throw new ChanceryError('ERR_CLI_FILE', `expected at most ${maxBytes} bytes in ${path}`)
}

/**
 * Makes something of what a file holds that the user named; what is wrong with it is told with the file's name.
 *
 * @throws ChanceryError what `read` throws, with the path before its message.
 */
export async function aboutFile<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError) || thrown.code === 'ERR_CLI_FILE') throw thrown
    const { code, message, hints, field } = thrown
    throw new ChanceryError(code, `${path}: ${message}`, {
      cause: thrown,
      hints,
      ...(field === undefined ? {} : { field }),
    })
  }
}

const PIECE_BYTES = 1024 * 1024

const openFile = promisify(open)
const readPiece = promisify(read)
const statFile = promisify(fstat)
const closeFile = promisify(close)

/** All of a file, in memory of its own; undefined if there is more. */
async function readAtMost(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const file = await openFile(path, 'r')
  try {
    const stats = await statFile(file)
    const size = stats.isFile() ? stats.size : 0
    if (size > maxBytes) return undefined
    // One byte more than it should have tells whether it grew, or says nothing of its size.
    let bytes = new Uint8Array(size + 1)
    for (let length = 0; length <= maxBytes;) {
      if (length === bytes.length) {
        const more = Math.max(length, PIECE_BYTES)
        const larger = new Uint8Array(Math.min(maxBytes + 1, length + more))
        larger.set(bytes)
        bytes = larger
      }
      const { bytesRead } = await readPiece(file, bytes, length, bytes.length - length, null)
      if (bytesRead === 0) return bytes.subarray(0, length)
      length += bytesRead
    }
    return undefined
  } finally {
    await closeFile(file)
  }
}

/**
 * Writes a file that the user named, whole or not at all; replaces one that exists, and a link. What is no file, the standard
 * output or a pipe, is written to.
 *
 * @param mode Permissions of a new file.
 * @throws ChanceryError ERR_CLI_FILE if it cannot be written.
 */
export async function writeUserFile(path: string, bytes: Uint8Array, mode = 0o666): Promise<void> {
  if (!(await isPassage(path))) {
    await replaceFile(path, bytes, mode)
    return
  }
  try {
    // Replaced it would be gone for all others: /dev/null, for one.
    await promises.writeFile(path, bytes, { flag: PASSAGE_FLAGS })
  } catch (cause) {
    throw notWritten(path, reasonOf(cause), cause)
  }
}

/**
 * Writes a file with a secret as {@link writeUserFile} does, for its owner alone.
 *
 * @throws ChanceryError ERR_CLI_FILE if it cannot be written, or is no file: a secret goes to nobody else.
 */
export async function writeSecretFile(path: string, bytes: Uint8Array): Promise<void> {
  if (await isPassage(path)) throw notWritten(path, 'a pipe or a device')
  await replaceFile(path, bytes, OWNER_ONLY)
}

async function replaceFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const fresh = join(dirname(path), `.chancery-${randomGuid(Date.now())}.new`)
  try {
    // Never into a file or a link that somebody else has put there: the directory may be theirs too.
    await promises.writeFile(fresh, bytes, { mode, flag: 'wx' })
    await promises.rename(fresh, path)
  } catch (cause) {
    await promises.rm(fresh, { force: true }).catch(() => undefined)
    throw notWritten(path, reasonOf(cause), cause)
  }
}

/** Permissions of a file that nobody else may read. */
export const OWNER_ONLY = 0o600
/** A file that stands behind /dev/stdout already has what was printed before. */
const PASSAGE_FLAGS = constants.O_WRONLY | constants.O_APPEND

/** Whether what is written under a path goes on to somewhere else: a pipe, a device, an open file of this process. */
async function isPassage(path: string): Promise<boolean> {
  const found = await promises.stat(path).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return false
  if (!found.isFile()) return true
  const directory = await promises.realpath(dirname(path))
  const isSystem = directory === '/dev' || directory.startsWith('/proc/')
  return isSystem && (await promises.lstat(path)).isSymbolicLink()
}

function notWritten(path: string, found: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_CLI_FILE', `expected to write ${path}, found ${found}`, { cause })
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
    throw notWritten(path, reasonOf(cause), cause)
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

/**
 * Makes sure that no file that is to be written is one that was read, or another that is to be written, under whatever
 * name. A pipe or a device may be both.
 *
 * @param inputs What must stay as it is; what is not there does no harm.
 * @throws ChanceryError ERR_CLI_USAGE if two of them are one file.
 */
export async function requireOtherFiles(
  inputs: readonly (string | undefined)[],
  outputs: readonly (string | undefined)[],
): Promise<void> {
  const taken = new Map<string, string>()
  for (const path of inputs) {
    if (path !== undefined) taken.set(await identityOf(path), path)
  }
  for (const path of outputs) {
    if (path === undefined || (await isPassage(path))) continue
    const identity = await identityOf(path)
    const other = taken.get(identity)
    if (other !== undefined) {
      const what = other === path ? path : `${path}, which is ${other}`
      throw new ChanceryError('ERR_CLI_USAGE', `expected another file to write to than ${what}`)
    }
    taken.set(identity, path)
  }
}

/** The same for all names of one file; a file that is not there is its name in a directory. */
async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await promises.stat(path)
    return `${dev}:${ino}`
  } catch {
    const directory = await promises
      .stat(dirname(path))
      .catch(() => ({ dev: '?', ino: dirname(path) }))
    return `${directory.dev}:${directory.ino}/${basename(path)}`
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
