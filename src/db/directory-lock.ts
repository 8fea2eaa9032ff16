import Database from 'better-sqlite3'
import { closeSync, openSync } from 'node:fs'
import { ChanceryError } from '../errors/chancery-error.ts'
import { asUnavailable } from './disk-error.ts'

/** A lock on a data directory; the operating system frees it when the process ends, however it ends. */
export interface DirectoryLock {
  release(): void
}

/**
 * Takes the lock file, held by SQLite's own file locks.
 *
 * @throws ChanceryError ERR_DB_LOCKED if another process holds it; ERR_DB_UNAVAILABLE if it cannot be used.
 */
export function lockDirectory(lockFile: string): DirectoryLock {
  const database = openLockFile(lockFile)
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!isBusy(cause)) throw asUnavailable(cause)
    throw new ChanceryError(
      'ERR_DB_LOCKED',
      'expected to be alone in the data directory, found another process',
      {
        cause,
        hints: ['stop the other `chancery` process, or name another directory with --data-dir'],
      },
    )
  }
  return { release: () => database.close() }
}

function openLockFile(lockFile: string): Database.Database {
  try {
    // For its owner alone: whoever can read it can lock it, too, and keep the server from starting.
    closeSync(openSync(lockFile, 'a', 0o600))
    return new Database(lockFile, { timeout: 0 })
  } catch (thrown) {
    throw asUnavailable(thrown)
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Database.SqliteError && thrown.code.startsWith('SQLITE_BUSY')
}
