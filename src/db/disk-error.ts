import Database from 'better-sqlite3'
import { ChanceryError } from '../errors/chancery-error.ts'

const SQLITE_DISK_ERRORS = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_CANTOPEN',
  'SQLITE_BUSY',
  'SQLITE_NOMEM',
]

/** Whether SQLite says that the disk, or what lies on it, is the reason; not the statement. */
export function isDiskError(thrown: unknown): boolean {
  return (
    thrown instanceof Database.SqliteError &&
    SQLITE_DISK_ERRORS.some((code) => thrown.code.startsWith(code))
  )
}

/** ERR_DB_UNAVAILABLE in place of what the disk or the operating system's calls for files answered; anything else as it is. */
export function asUnavailable(thrown: unknown): unknown {
  const code = isDiskError(thrown) || isSystemError(thrown) ? codeOf(thrown) : undefined
  if (code === undefined) return thrown
  return new ChanceryError('ERR_DB_UNAVAILABLE', `the data directory cannot be used: ${code}`, {
    cause: thrown,
    hints: ['look for a full or failing disk, and for the rights on the data directory'],
  })
}

function isSystemError(thrown: unknown): boolean {
  return thrown instanceof Error && 'syscall' in thrown
}

function codeOf(thrown: unknown): string | undefined {
  const isCoded = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
  return isCoded ? (thrown.code as string) : undefined
}
