import Database from 'better-sqlite3'
import { closeSync, existsSync, openSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { ChanceryError } from '../errors/chancery-error.ts'
import { asUnavailable } from './disk-error.ts'
import { MIGRATIONS } from './migrations.ts'

/** `Chcy` in ASCII: marks the database file as ours (`PRAGMA application_id`). */
const APPLICATION_ID = 0x43686379

/** What SQLite says of bytes that are no database, or no longer one. */
const DAMAGED = new Set(['SQLITE_NOTADB', 'SQLITE_CORRUPT'])

/** The file system types on which SQLite's locks and fsync do not hold: NFS, SMB, CIFS. Source: statfs(2). */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
])

/**
 * Makes a new database.
 *
 * @throws ChanceryError ERR_DB_EXISTS if there is one; ERR_DB_UNAVAILABLE on a network file system.
 */
export function createDatabaseFile(path: string): void {
  if (existsSync(path)) {
    throw new ChanceryError(
      'ERR_DB_EXISTS',
      'expected an empty data directory, found an authority in it',
      {
        hints: ['start it with `chancery serve`, or name another directory with --data-dir'],
      },
    )
  }
  refuseNetworkFileSystem(dirname(path))
  // SQLite gives the files beside it the same mode.
  closeSync(openSync(path, 'wx', 0o600))
  const database = new Database(path)
  try {
    configure(database)
    database.pragma(`application_id = ${APPLICATION_ID}`)
    migrate(database, 0)
  } finally {
    database.close()
  }
}

/**
 * Opens the database for the only writer, and brings its schema up to date.
 *
 * @throws ChanceryError ERR_DB_MISSING if there is none; ERR_DB_FOREIGN if it is damaged, not ours or from a newer version;
 *   ERR_DB_UNAVAILABLE if it cannot be opened, for want of a right for example.
 */
export function openForWriting(path: string): Database.Database {
  requireFile(path)
  refuseNetworkFileSystem(dirname(path))
  const database = new Database(path, { fileMustExist: true })
  try {
    const applied = requireOurs(database)
    configure(database)
    migrate(database, applied)
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** Opens the database for reading. @throws As {@link openForWriting}. */
export function openForReading(path: string): Database.Database {
  requireFile(path)
  const database = new Database(path, { fileMustExist: true, readonly: true })
  try {
    requireOurs(database)
    database.pragma('cache_size = -4096')
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** Opens the database that the writer has open, to copy its write-ahead log into it. */
export function openForCheckpoints(path: string): Database.Database {
  const database = new Database(path, { fileMustExist: true })
  database.pragma('synchronous = FULL')
  database.pragma('wal_autocheckpoint = 0')
  database.pragma('cache_size = -64')
  return database
}

/** FULL: a commit returns after the write-ahead log is on disk. */
function configure(database: Database.Database): void {
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  database.pragma('cache_size = -8192')
  // `Checkpoints` does them, so that commits need not wait.
  database.pragma('wal_autocheckpoint = 0')
  database.pragma('journal_size_limit = 67108864')
}

function migrate(database: Database.Database, applied: number): void {
  for (let step = applied; step < MIGRATIONS.length; step += 1) {
    database.transaction(() => {
      database.exec(MIGRATIONS[step] ?? '')
      database.pragma(`user_version = ${step + 1}`)
    })()
  }
}

function requireFile(path: string): void {
  if (!existsSync(path)) {
    throw new ChanceryError(
      'ERR_DB_MISSING',
      'expected an authority in the data directory, found none',
      {
        hints: ['create one with `chancery init`, or name its directory with --data-dir'],
      },
    )
  }
}

function requireOurs(database: Database.Database): number {
  let applicationId: unknown
  let version: unknown
  try {
    applicationId = database.pragma('application_id', { simple: true })
    version = database.pragma('user_version', { simple: true })
  } catch (cause) {
    const isDamaged = cause instanceof Database.SqliteError && DAMAGED.has(cause.code)
    if (!isDamaged) throw asUnavailable(cause)
    throw new ChanceryError('ERR_DB_FOREIGN', 'the database in the data directory is damaged', {
      cause,
      hints: ['keep the directory as it is, and restore a backup beside it'],
    })
  }
  if (applicationId !== APPLICATION_ID || typeof version !== 'number') {
    throw new ChanceryError(
      'ERR_DB_FOREIGN',
      'the database in the data directory is not one of Chancery',
    )
  }
  if (version > MIGRATIONS.length) {
    throw new ChanceryError(
      'ERR_DB_FOREIGN',
      `the database has schema ${version}, this version of Chancery knows up to ${MIGRATIONS.length}`,
      { hints: ['start the version of Chancery that last wrote to it, or a newer one'] },
    )
  }
  return version
}

function refuseNetworkFileSystem(directory: string): void {
  const name = NETWORK_FILE_SYSTEMS.get(statfsSync(directory).type)
  if (name === undefined) return
  throw new ChanceryError(
    'ERR_DB_UNAVAILABLE',
    `the data directory lies on ${name}, which does not keep the promises a durable log needs`,
    { hints: ['use a local disk'] },
  )
}
