import Database from 'better-sqlite3'
import { ChanceryError } from '../errors/chancery-error.ts'
import { equalBytes } from '../crypto/constant-time.ts'
import { isDiskError } from './disk-error.ts'
import { GENESIS, hashAuditRecord, sealAuditHead } from './audit-chain.ts'
import { EventRows } from './event-rows.ts'
import type { SqlValue } from './ledger.ts'

/** A change on its way to the writer: statements by the number of their text, events as stored text. */
export interface EncodedChange {
  /** [text number, parameters, expected changes or -1] */
  readonly statements: readonly (readonly [number, readonly SqlValue[], number])[]
  readonly events: readonly EncodedEvent[]
}

/** An event with the columns that are searched, and its record. */
export interface EncodedEvent {
  readonly organizationId: string
  readonly at: number
  readonly type: string
  readonly actorId: string | null
  readonly objectId: string | null
  readonly record: string
}

/** Changes for one commit. */
export interface Batch {
  /** SQL texts seen for the first time; they are numbered in the order of their arrival. */
  readonly texts: readonly string[]
  readonly changes: readonly EncodedChange[]
}

/** What became of one change: the numbers of its events, or why it did not happen. */
export type Outcome =
  | { readonly numbers: readonly number[] }
  | {
      readonly code: 'ERR_DB_CONFLICT' | 'ERR_DB_DUPLICATE' | 'ERR_DB_UNAVAILABLE' | 'BUG'
      readonly message: string
    }

interface Chain {
  readonly id: number
  readonly organizationId: string
  number: number
  head: Uint8Array
}

/**
 * The only thing that writes to the database. It commits batches of changes: one transaction, one fsync, and in it
 * each change with its audit events, or not.
 */
export class StoreWriter {
  readonly #database: Database.Database
  readonly #auditKey: Uint8Array
  readonly #texts: string[] = []
  readonly #statements: (Database.Statement | undefined)[] = []
  readonly #chains = new Map<string, Chain>()
  readonly #events: EventRows
  readonly #insertChain: Database.Statement
  readonly #updateChain: Database.Statement
  /** Set once the disk answered something after which its state is unknown; nothing is written any more. */
  #broken: string | undefined

  /**
   * @param auditKey 32 bytes; seals the heads of the audit logs.
   * @throws ChanceryError ERR_DB_AUDIT_END if the end of an audit log is not the one that was sealed: going on from
   *   another would seal that one.
   */
  constructor(database: Database.Database, auditKey: Uint8Array) {
    this.#database = database
    this.#auditKey = auditKey
    this.#events = new EventRows(database)
    this.#insertChain = database.prepare(
      'INSERT INTO audit_chains (organization_id, number, head, seal) VALUES (?, 0, ?, ?)',
    )
    this.#updateChain = database.prepare(
      'UPDATE audit_chains SET number = ?, head = ?, seal = ? WHERE chain = ?',
    )
    this.#requireSealedEnds()
    this.#requireLogs()
    this.#loadChains()
  }

  /** Commits a batch and says for each change, in order, what became of it. Never throws for a reason of the disk. */
  write(batch: Batch): readonly Outcome[] {
    this.#texts.push(...batch.texts)
    if (this.#broken !== undefined) return this.#refuseAll(batch, this.#broken)
    try {
      return this.#attempt(batch, false)
    } catch (thrown) {
      if (isDiskError(thrown)) return this.#giveUp(batch, thrown)
    }
    // Some change does not hold: do it again with a savepoint around each, so that only that one fails.
    try {
      return this.#attempt(batch, true)
    } catch (thrown) {
      return this.#giveUp(batch, thrown)
    }
  }

  /** Forgets the pages it keeps. */
  rest(): void {
    this.#database.pragma('shrink_memory')
  }

  close(): void {
    this.#database.close()
  }

  #attempt(batch: Batch, hasSavepoints: boolean): readonly Outcome[] {
    const touched = new Set<Chain>()
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const outcomes = batch.changes.map((change) =>
        hasSavepoints
          ? this.#applyGuarded(change, touched)
          : { numbers: this.#apply(change, touched) },
      )
      this.#events.flush()
      for (const chain of touched) {
        const seal = sealAuditHead(this.#auditKey, chain.organizationId, chain.number, chain.head)
        this.#updateChain.run(chain.number, chain.head, seal, chain.id)
      }
      this.#database.exec('COMMIT')
      return outcomes
    } catch (thrown) {
      this.#rollBack()
      throw thrown
    }
  }

  #applyGuarded(change: EncodedChange, touched: Set<Chain>): Outcome {
    const heads = [...this.#chains.values()].map((chain) => ({
      chain,
      number: chain.number,
      head: chain.head,
    }))
    this.#database.exec('SAVEPOINT change')
    try {
      const numbers = this.#apply(change, touched)
      this.#events.flush()
      this.#database.exec('RELEASE change')
      return { numbers }
    } catch (thrown) {
      if (isDiskError(thrown)) throw thrown
      this.#events.clear()
      this.#database.exec('ROLLBACK TO change')
      this.#database.exec('RELEASE change')
      const known = new Set(heads.map(({ chain }) => chain))
      for (const { chain, number, head } of heads) Object.assign(chain, { number, head })
      for (const chain of this.#chains.values()) {
        if (known.has(chain)) continue
        this.#chains.delete(chain.organizationId)
        touched.delete(chain)
      }
      return outcomeOf(thrown)
    }
  }

  #apply(change: EncodedChange, touched: Set<Chain>): readonly number[] {
    for (const [index, parameters, expected] of change.statements) {
      const { changes } = this.#statement(index).run(...parameters)
      if (expected >= 0 && changes !== expected) {
        throw new ChanceryError(
          'ERR_DB_CONFLICT',
          'the object was changed or removed by somebody else meanwhile',
        )
      }
    }
    return change.events.map((event) => {
      const chain = this.#chains.get(event.organizationId) ?? this.#startChain(event.organizationId)
      const number = chain.number + 1
      const hash = hashAuditRecord(chain.head, number, event.record)
      this.#events.add(chain.id, number, event, hash)
      chain.number = number
      chain.head = hash
      touched.add(chain)
      return number
    })
  }

  #statement(index: number): Database.Statement {
    const known = this.#statements[index]
    if (known !== undefined) return known
    const statement = this.#database.prepare(this.#texts[index] ?? '')
    this.#statements[index] = statement
    return statement
  }

  #startChain(organizationId: string): Chain {
    const seal = sealAuditHead(this.#auditKey, organizationId, 0, GENESIS)
    const { lastInsertRowid } = this.#insertChain.run(organizationId, GENESIS, seal)
    const chain = { id: Number(lastInsertRowid), organizationId, number: 0, head: GENESIS }
    this.#chains.set(organizationId, chain)
    return chain
  }

  #requireSealedEnds(): void {
    interface End {
      organization_id: string
      number: number
      head: Uint8Array
      seal: Uint8Array
      last_number: number | null
      last_hash: Uint8Array | null
    }
    const ends = this.#database
      .prepare<[], End>(
        'SELECT c.organization_id, c.number, c.head, c.seal, e.number AS last_number, e.hash AS last_hash FROM audit_chains c LEFT JOIN audit_events e ON e.chain = c.chain AND e.number = (SELECT max(number) FROM audit_events WHERE chain = c.chain)',
      )
      .all()
    for (const end of ends) {
      const { organization_id: organizationId, number, head } = end
      const isSealed =
        equalBytes(end.seal, sealAuditHead(this.#auditKey, organizationId, number, head)) &&
        (end.last_number ?? 0) === number &&
        equalBytes(end.last_hash ?? GENESIS, head)
      if (isSealed) continue
      throw new ChanceryError(
        'ERR_DB_AUDIT_END',
        `expected the audit log of ${organizationId} to end with its sealed event ${number}, found another end`,
        { hints: ['run `chancery fsck`; restore the data directory from a backup'] },
      )
    }
  }

  /** An organization is made with its first event: one without a log has lost it, and would be given a new one. */
  #requireLogs(): void {
    const organizationId = this.#database
      .prepare<[], string>(
        "SELECT id FROM config_objects WHERE kind = 'organization' AND id NOT IN (SELECT organization_id FROM audit_chains)",
      )
      .pluck()
      .get()
    if (organizationId === undefined) return
    throw new ChanceryError(
      'ERR_DB_AUDIT_END',
      `expected the audit log of ${organizationId}, found none`,
      { hints: ['run `chancery fsck`; restore the data directory from a backup'] },
    )
  }

  #loadChains(): void {
    this.#chains.clear()
    const rows = this.#database
      .prepare<[], { chain: number; organization_id: string; number: number; head: Uint8Array }>(
        'SELECT chain, organization_id, number, head FROM audit_chains',
      )
      .all()
    for (const row of rows) {
      this.#chains.set(row.organization_id, {
        id: row.chain,
        organizationId: row.organization_id,
        number: row.number,
        head: row.head,
      })
    }
  }

  #rollBack(): void {
    this.#events.clear()
    if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
    this.#loadChains()
  }

  /** The whole batch failed. Some reasons pass; after any other answer of the disk only a restart knows. */
  #giveUp(batch: Batch, thrown: unknown): readonly Outcome[] {
    const message = describe(thrown)
    if (!isDiskError(thrown)) return this.#refuseAll(batch, message, 'BUG')
    if (!PASSING_ERRORS.some((code) => message.startsWith(code))) this.#broken = message
    return this.#refuseAll(batch, message)
  }

  #refuseAll(
    batch: Batch,
    message: string,
    code: 'ERR_DB_UNAVAILABLE' | 'BUG' = 'ERR_DB_UNAVAILABLE',
  ): readonly Outcome[] {
    return batch.changes.map(() => ({ code, message }))
  }
}

function outcomeOf(thrown: unknown): Outcome {
  if (thrown instanceof ChanceryError) return { code: 'ERR_DB_CONFLICT', message: thrown.message }
  if (
    thrown instanceof Database.SqliteError &&
    (thrown.code === 'SQLITE_CONSTRAINT_UNIQUE' || thrown.code === 'SQLITE_CONSTRAINT_PRIMARYKEY')
  ) {
    return { code: 'ERR_DB_DUPLICATE', message: 'a unique value exists already' }
  }
  return { code: 'BUG', message: describe(thrown) }
}

/**
 * What passes by itself, and after which the state of the disk is known: nothing of the batch counts. The disk is full
 * (the second is its name where the index of the write-ahead log has no room), or another process holds SQLite's lock.
 */
const PASSING_ERRORS = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'SQLITE_BUSY']

function describe(thrown: unknown): string {
  if (thrown instanceof Database.SqliteError) return `${thrown.code}: ${thrown.message}`
  return thrown instanceof Error ? thrown.message : 'unknown'
}
