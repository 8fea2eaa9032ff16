import { join } from 'node:path'
import { createDatabaseFile, openForReading } from './database-file.ts'
import { lockDirectory } from './directory-lock.ts'
import type { Ledger, Reader } from './ledger.ts'
import { SqliteReader } from './sqlite-reader.ts'
import { ThreadedLedger } from './threaded-ledger.ts'

/** The name of the database in a data directory. */
const DATABASE = 'chancery.db'
const LOCK = 'chancery.lock'

/** An open store. Disposing it commits what is queued and frees the directory. */
export interface Store extends AsyncDisposable {
  readonly ledger: Ledger
  readonly reader: Reader
  /** How many commits, each with its fsync, were made since it was opened. */
  commits(): number
  /** Gives back the memory that only work needs. To be called when nobody has asked for anything for some time. */
  rest(): void
}

/** Where the store lies and what seals its audit logs. */
export interface StoreOptions {
  /** An existing directory. */
  readonly directory: string
  /** 32 bytes, derived from the master key. */
  readonly auditKey: Uint8Array
}

/**
 * Makes a new store in a directory that holds none, and opens it.
 *
 * @throws ChanceryError ERR_DB_EXISTS, ERR_DB_LOCKED, ERR_DB_UNAVAILABLE.
 */
export async function createStore(options: StoreOptions): Promise<Store> {
  createDatabaseFile(join(options.directory, DATABASE))
  return loadStore(options)
}

/**
 * Opens the store of a directory; one process at a time.
 *
 * @throws ChanceryError ERR_DB_MISSING, ERR_DB_LOCKED, ERR_DB_FOREIGN, ERR_DB_UNAVAILABLE.
 */
export async function loadStore(options: StoreOptions): Promise<Store> {
  const path = join(options.directory, DATABASE)
  openForReading(path).close()
  const lock = lockDirectory(join(options.directory, LOCK))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => lock.release())
  const ledger = await ThreadedLedger.start({ path, auditKey: options.auditKey })
  opened.defer(() => ledger.close())
  const reader = new SqliteReader(openForReading(path))
  opened.defer(() => reader.close())
  const resources = opened.move()
  return {
    ledger,
    reader,
    commits: () => ledger.commits,
    rest: () => {
      reader.rest()
      ledger.rest()
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/**
 * Opens the store of a directory to read it, while no process has it open.
 *
 * @throws ChanceryError ERR_DB_MISSING, ERR_DB_LOCKED, ERR_DB_FOREIGN.
 */
export function inspectStore(directory: string): { readonly reader: Reader } & Disposable {
  const path = join(directory, DATABASE)
  openForReading(path).close()
  const lock = lockDirectory(join(directory, LOCK))
  using opened = new DisposableStack()
  opened.defer(() => lock.release())
  const reader = new SqliteReader(openForReading(path))
  opened.defer(() => reader.close())
  const resources = opened.move()
  return { reader, [Symbol.dispose]: () => resources.dispose() }
}
