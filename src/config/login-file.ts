import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'

/** What `chancery login` keeps. The token is a secret. */
export interface Login {
  readonly url: string
  readonly organizationId: string
  readonly token: string
}

/** The login file of a user. */
function loginPath(configHome: string): string {
  return join(configHome, 'chancery', 'login.json')
}

/**
 * Reads the stored login; undefined where there is none.
 *
 * @throws ChanceryError ERR_CONFIG_LOGIN if the file is readable by others, is no JSON, or lacks a member.
 */
export async function findLogin(configHome: string): Promise<Login | undefined> {
  const path = loginPath(configHome)
  let text: Uint8Array
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw readableByOthers(path)
    text = await readFile(path)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    if (cause instanceof ChanceryError) throw cause
    throw new ChanceryError('ERR_CONFIG_LOGIN', `expected a readable login file at ${path}`, {
      cause,
    })
  }
  return readLogin(text, path)
}

/**
 * Writes the login with mode 0600, whole or not at all; replaces an earlier one.
 *
 * @returns The file's path.
 * @throws ChanceryError ERR_CONFIG_LOGIN if it cannot be written.
 */
export async function saveLogin(configHome: string, login: Login): Promise<string> {
  const path = loginPath(configHome)
  const fresh = `${path}.${process.pid}.new`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(fresh, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600, flag: 'w' })
    // A file that was there already keeps its mode otherwise.
    await chmod(fresh, 0o600)
    await rename(fresh, path)
  } catch (cause) {
    await rm(fresh, { force: true })
    throw new ChanceryError('ERR_CONFIG_LOGIN', `expected to be able to write ${path}`, {
      cause,
      hints: ['Set XDG_CONFIG_HOME to a directory you may write to.'],
    })
  }
  return path
}

/** Deletes the stored login. @returns Whether there was one. */
export async function deleteLogin(configHome: string): Promise<boolean> {
  const path = loginPath(configHome)
  try {
    await rm(path)
    return true
  } catch (cause) {
    if (isMissing(cause)) return false
    throw new ChanceryError('ERR_CONFIG_LOGIN', `expected to be able to delete ${path}`, { cause })
  }
}

function readLogin(text: Uint8Array, path: string): Login {
  const broken = (cause?: unknown): ChanceryError =>
    new ChanceryError('ERR_CONFIG_LOGIN', `expected url, organizationId and token in ${path}`, {
      cause,
      hints: ['Run `chancery login` again.'],
    })
  let value: unknown
  try {
    value = parseJson(text, { maxBytes: 64 * 1024 })
  } catch (cause) {
    throw broken(cause)
  }
  if (typeof value !== 'object' || value === null) throw broken()
  const { url, organizationId, token } = value as Readonly<Record<string, unknown>>
  if (typeof url !== 'string' || typeof organizationId !== 'string' || typeof token !== 'string') {
    throw broken()
  }
  return { url, organizationId, token }
}

function readableByOthers(path: string): ChanceryError {
  return new ChanceryError('ERR_CONFIG_LOGIN', `expected only you to be able to read ${path}`, {
    hints: [`chmod 600 ${path}`, 'If others may have read it, revoke the token as well.'],
  })
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
}
