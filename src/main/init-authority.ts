import { readdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { foundAuthority } from '../administration/found.ts'
import { Catalog } from '../catalog/catalog.ts'
import type { CreatedAuthority, InitOptions } from '../cli/services.ts'
import { asUnavailable } from '../db/disk-error.ts'
import { makeDurableDirectory, removeDurableFile, writeDurableFile } from '../db/durable-file.ts'
import { lockDirectory } from '../db/directory-lock.ts'
import { createStore } from '../db/open-store.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { ApiTokens } from '../identity/api-tokens.ts'
import { createMasterKey } from '../keys/master-key.ts'

/** Lies in a data directory from the first moment of `init` to its last. */
const UNFINISHED = 'init-unfinished'
/** Held by `init` while it works: another one must not take its directory for one that was left unfinished. */
const LOCK = 'init-lock'
const isOfLock = (name: string): boolean => name.startsWith(LOCK)

/**
 * Refuses a directory whose `init` was killed: the next `init` empties it, so nothing may have been signed in it.
 *
 * @throws ChanceryError ERR_DB_MISSING.
 */
export function requireFinishedInit(dataDirectory: string): void {
  if (!existsSync(join(dataDirectory, UNFINISHED))) return
  throw new ChanceryError(
    'ERR_DB_MISSING',
    'expected an authority in the data directory, found one that `chancery init` did not finish',
    { hints: ['run `chancery init` again: it starts anew'] },
  )
}

/**
 * Makes an authority in a directory that is not there or empty. If it was killed in between, the next run starts anew.
 *
 * @throws ChanceryError ERR_DB_EXISTS if the directory holds an authority, or anything else.
 * @throws ChanceryError ERR_DB_LOCKED if another process makes one in it.
 */
export async function initAuthority(options: InitOptions): Promise<CreatedAuthority> {
  try {
    return await makeAuthority(options)
  } catch (thrown) {
    throw asUnavailable(thrown)
  }
}

async function makeAuthority(options: InitOptions): Promise<CreatedAuthority> {
  const { dataDirectory, organizationName, masterKey } = options
  await makeDurableDirectory(dataDirectory)
  await requireFree(dataDirectory)
  const lockFile = join(dataDirectory, LOCK)
  const lock = lockDirectory(lockFile)
  try {
    // Alone now: what is unfinished here was left so, and what was made meanwhile is finished.
    await requireFree(dataDirectory)
    await removeUnfinished(dataDirectory)
    const marker = join(dataDirectory, UNFINISHED)
    await writeDurableFile(marker, new Uint8Array())
    const key = await createMasterKey(masterKey, dataDirectory)
    const created = await found(dataDirectory, organizationName, key.deriveSubkey('audit head'))
    await removeDurableFile(marker)
    await rm(lockFile)
    return created
  } finally {
    lock.release()
  }
}

async function found(
  directory: string,
  organizationName: string,
  auditKey: Uint8Array,
): Promise<CreatedAuthority> {
  await using store = await createStore({ directory, auditKey })
  const { organizationId, administratorId, apiToken } = await foundAuthority({
    ledger: store.ledger,
    catalog: Catalog.load(store.reader),
    tokens: ApiTokens.load(store.reader),
    organizationName,
    now: Date.now(),
  })
  return { organizationId, administratorId, apiToken }
}

/** Whether an authority can be made here: there is nothing, or one that was not finished. */
async function requireFree(directory: string): Promise<void> {
  const names = await readdir(directory)
  if (names.includes(UNFINISHED) || names.every(isOfLock)) return
  throw new ChanceryError(
    'ERR_DB_EXISTS',
    'expected an empty data directory, found one with files in it',
    {
      hints: [
        'start the authority in it with `chancery serve`, or name another directory with --data-dir',
      ],
    },
  )
}

async function removeUnfinished(directory: string): Promise<void> {
  const names = await readdir(directory)
  const others = names.filter((name) => name !== UNFINISHED && !isOfLock(name))
  // The mark is the last to go: killed in between, the next run has to find it.
  for (const name of [...others, UNFINISHED]) {
    await rm(join(directory, name), { recursive: true, force: true })
  }
}
