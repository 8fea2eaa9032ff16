import Database from 'better-sqlite3'
import { closeSync, openSync } from 'node:fs'
import { ChanceryError } from '../errors/chancery-error.ts'

/** A lock on a data directory; the operating system frees it when the process ends, however it ends. */
export interface DirectoryLock {
  release(): void
}

/**
 * Takes the lock file, held by SQLite's own file locks.
 *
 * @throws ChanceryError ERR_DB_LOCKED if another process holds it.
 */
export function lockDirectory(lockFile: string): DirectoryLock {
  // For its owner alone: whoever can read it can lock it, too, and keep the server from starting.
  closeSync(openSync(lockFile, 'a', 0o600))
  const database = new Database(lockFile, { timeout: 0 })
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
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
