import type Database from 'better-sqlite3'
import { asUnavailable } from './disk-error.ts'
import type { Reader, SqlValue } from './ledger.ts'

/** Reads committed state through a connection of its own. */
export class SqliteReader implements Reader {
  readonly #database: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  constructor(database: Database.Database) {
    this.#database = database
  }

  all<Row>(sql: string, ...parameters: readonly SqlValue[]): readonly Row[] {
    return this.#read(sql, (statement) => statement.all(...parameters)) as Row[]
  }

  get<Row>(sql: string, ...parameters: readonly SqlValue[]): Row | undefined {
    return this.#read(sql, (statement) => statement.get(...parameters)) as Row | undefined
  }

  /** A statement of its own for each iteration, since one under way cannot be run again. */
  *iterate<Row>(sql: string, ...parameters: readonly SqlValue[]): Generator<Row, void> {
    try {
      yield* this.#database.prepare(sql).iterate(...parameters) as IterableIterator<Row>
    } catch (thrown) {
      throw asUnavailable(thrown)
    }
  }

  /** Forgets the pages it keeps. */
  rest(): void {
    this.#database.pragma('shrink_memory')
  }

  close(): void {
    this.#database.close()
  }

  #read(sql: string, read: (statement: Database.Statement) => unknown): unknown {
    try {
      return read(this.#statement(sql))
    } catch (thrown) {
      throw asUnavailable(thrown)
    }
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
