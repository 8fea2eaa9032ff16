import type Database from 'better-sqlite3'
import type { SqlValue } from './ledger.ts'
import type { EncodedEvent } from './store-writer.ts'

/** OR FAIL: SQLite keeps no copy of what one statement changes, since whoever sees it fail rolls back more than that. */
const INSERT =
  'INSERT OR FAIL INTO audit_events (chain, number, at, type, actor_id, object_id, record, hash) VALUES '
const ROW = '(?, ?, ?, ?, ?, ?, ?, ?)'
const COLUMNS = 8

/** Rows that one statement enters: a quarter of what a row costs is the beginning and the end of its statement. */
const ROWS = 8

/** Audit events on their way into their table, within one transaction. */
export class EventRows {
  readonly #insertOne: Database.Statement
  readonly #insertSome: Database.Statement
  #waiting: SqlValue[] = []

  constructor(database: Database.Database) {
    this.#insertOne = database.prepare(INSERT + ROW)
    this.#insertSome = database.prepare(INSERT + Array.from({ length: ROWS }, () => ROW).join(', '))
  }

  /** Enters an event, now or with those that follow it. */
  add(chain: number, number: number, event: EncodedEvent, hash: Uint8Array): void {
    const { at, type, actorId, objectId, record } = event
    this.#waiting.push(chain, number, at, type, actorId, objectId, record, hash)
    if (this.#waiting.length < ROWS * COLUMNS) return
    this.#insertSome.run(this.#waiting)
    this.#waiting = []
  }

  /** Enters what is left. To be called before the transaction, or a savepoint in it, ends. */
  flush(): void {
    for (let start = 0; start < this.#waiting.length; start += COLUMNS) {
      this.#insertOne.run(this.#waiting.slice(start, start + COLUMNS))
    }
    this.#waiting = []
  }

  /** Forgets what is left: it was rolled back. */
  clear(): void {
    this.#waiting = []
  }
}
