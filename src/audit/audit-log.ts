import { setImmediate } from 'node:timers/promises'
import type { Reader } from '../db/ledger.ts'
import type { Caller } from '../policy/caller.ts'
import { mayReadAuditLog, requirePermission } from '../policy/permission.ts'
import type {
  AuditEventPage,
  AuditEventView,
  AuditQuery,
  AuditVerification,
} from '../wire/audit.ts'
import {
  findChain,
  MAX_NUMBER,
  readHashBefore,
  readRows,
  viewOf,
  type AuditRow,
} from './audit-rows.ts'
import { conditionsOf } from './audit-search.ts'
import { csvHeader, csvLine } from './csv.ts'
import { verifyStoredLog } from './verify-audit-log.ts'

/** What the audit log is read with. */
export interface AuditLogOptions {
  readonly reader: Reader
  /** 32 bytes; the key of the seals. */
  readonly auditKey: Uint8Array
  /** The present name of a user, or null. */
  readonly nameOf: (userId: string) => string | null
}

const DEFAULT_LIMIT = 100

/** How many events an export reads at once. */
const PAGE = 500

/** The audit log of the caller's organization, for those who may read it. */
export class AuditLog {
  readonly #options: AuditLogOptions

  constructor(options: AuditLogOptions) {
    this.#options = options
  }

  /**
   * A page of events, newest first unless the query says otherwise: as many as it asks for, or fewer where these are
   * large.
   *
   * @throws ChanceryError ERR_AUDIT_QUERY.
   */
  async list(caller: Caller, query: AuditQuery): Promise<AuditEventPage> {
    requireReader(caller)
    return this.#page(caller, query, query.limit ?? DEFAULT_LIMIT)
  }

  /**
   * Everything that the query finds, oldest first unless it says otherwise, in pieces of text.
   *
   * @throws ChanceryError ERR_AUDIT_QUERY, at the first piece.
   */
  export(caller: Caller, query: AuditQuery, format: 'jsonl' | 'csv'): AsyncIterable<string> {
    requireReader(caller)
    return this.#pieces(caller, { ...query, order: query.order ?? 'asc' }, format)
  }

  /** Computes the whole log again. */
  verify(caller: Caller): Promise<AuditVerification> {
    requireReader(caller)
    const { reader, auditKey } = this.#options
    return verifyStoredLog(reader, auditKey, caller.principal.organizationId)
  }

  async *#pieces(
    caller: Caller,
    query: AuditQuery,
    format: 'jsonl' | 'csv',
  ): AsyncGenerator<string> {
    const line =
      format === 'csv' ? csvLine : (event: AuditEventView) => `${JSON.stringify(event)}\n`
    let header = format === 'csv' ? csvHeader() : ''
    let left = query.limit ?? Number.POSITIVE_INFINITY
    let rest = query
    for (;;) {
      const { events, next } = await this.#page(caller, rest, Math.min(PAGE, left))
      const text = header + events.map(line).join('')
      if (text !== '') yield text
      header = ''
      left -= events.length
      if (next === null || left === 0) return
      await setImmediate()
      rest = { ...rest, ...(query.order === 'asc' ? { after: next } : { before: next }) }
    }
  }

  async #page(caller: Caller, query: AuditQuery, limit: number): Promise<AuditEventPage> {
    const { reader, nameOf } = this.#options
    const { organizationId } = caller.principal
    const chain = findChain(reader, organizationId)
    if (chain === undefined) return { events: [], next: null }
    const conditions = conditionsOf(reader, organizationId, chain, query)
    const range = {
      order: query.order === 'asc' ? 'ASC' : 'DESC',
      lowest: (query.after ?? 0) + 1,
      highest: query.before === undefined ? MAX_NUMBER : query.before - 1,
    } as const
    const { rows, isMore } = await readRows(reader, chain, conditions, range, limit)
    const hashes = new Map(rows.map((row) => [row.number, row.hash]))
    const hashBefore = (row: AuditRow): Uint8Array =>
      hashes.get(row.number - 1) ?? readHashBefore(reader, chain, row.number)
    return {
      events: rows.map((row) => viewOf(row, hashBefore(row), nameOf)),
      next: isMore ? (rows.at(-1)?.number ?? null) : null,
    }
  }
}

function requireReader({ principal }: Caller): void {
  requirePermission(mayReadAuditLog(principal), 'Global Administrator or Global Reader')
}
