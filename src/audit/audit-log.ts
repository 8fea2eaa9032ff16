import { setImmediate } from 'node:timers/promises'
import { imageCondition } from '../db/image-condition.ts'
import type { Reader, SqlValue } from '../db/ledger.ts'
import { typeCondition } from '../db/type-condition.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseDigest } from '../format/oci-digest.ts'
import { normaliseRepository } from '../format/oci-reference.ts'
import type { Caller } from '../policy/caller.ts'
import { mayReadAuditLog, requirePermission } from '../policy/permission.ts'
import type { AuditEventView, AuditQuery, AuditVerification } from '../wire/audit.ts'
import {
  findChain,
  readHashBefore,
  readRows,
  viewOf,
  type AuditRow,
  type RowConditions,
} from './audit-rows.ts'
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

  /** A page of events, newest first unless the query says otherwise. @throws ChanceryError ERR_AUDIT_QUERY. */
  list(caller: Caller, query: AuditQuery): { readonly events: readonly AuditEventView[] } {
    requireReader(caller)
    return { events: this.#page(caller, query, query.limit ?? DEFAULT_LIMIT) }
  }

  /**
   * Everything that the query finds, oldest first unless it says otherwise, in pieces of text.
   *
   * @throws ChanceryError ERR_AUDIT_QUERY, before the first piece.
   */
  export(caller: Caller, query: AuditQuery, format: 'jsonl' | 'csv'): AsyncIterable<string> {
    requireReader(caller)
    const order = query.order ?? 'asc'
    conditionsOf(caller, query)
    return this.#pieces(caller, { ...query, order }, format)
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
    if (format === 'csv') yield csvHeader()
    let left = query.limit ?? Number.POSITIVE_INFINITY
    let rest = query
    while (left > 0) {
      const page = this.#page(caller, rest, Math.min(PAGE, left))
      const last = page.at(-1)
      if (last === undefined) return
      const line =
        format === 'csv' ? csvLine : (event: AuditEventView) => `${JSON.stringify(event)}\n`
      yield page.map(line).join('')
      left -= page.length
      await setImmediate()
      rest = {
        ...rest,
        ...(query.order === 'asc' ? { after: last.number } : { before: last.number }),
      }
    }
  }

  #page(caller: Caller, query: AuditQuery, limit: number): readonly AuditEventView[] {
    const { reader, nameOf } = this.#options
    const chain = findChain(reader, caller.principal.organizationId)
    if (chain === undefined) return []
    const conditions = conditionsOf(caller, query)
    const order = query.order === 'asc' ? 'ASC' : 'DESC'
    const rows = readRows(reader, chain, conditions, order, limit)
    const hashes = new Map(rows.map((row) => [row.number, row.hash]))
    const hashBefore = (row: AuditRow): Uint8Array =>
      hashes.get(row.number - 1) ?? readHashBefore(reader, chain, row.number)
    return rows.map((row) => viewOf(row, hashBefore(row), nameOf))
  }
}

function requireReader({ principal }: Caller): void {
  requirePermission(mayReadAuditLog(principal), 'Global Administrator or Global Reader')
}

function conditionsOf({ principal: { organizationId } }: Caller, query: AuditQuery): RowConditions {
  const conditions: string[] = []
  const parameters: SqlValue[] = []
  const add = (condition: string, ...values: readonly SqlValue[]): void => {
    conditions.push(condition)
    parameters.push(...values)
  }
  const addImage = (by: 'digest' | 'repository', value: string): void => {
    const { sql, parameters: values } = imageCondition(organizationId, by, value)
    add(
      `object_id IN (SELECT id FROM signing_requests WHERE seq IN (SELECT place >> 20 FROM signing_request_images WHERE ${sql}))`,
      ...values,
    )
  }
  if (query.type !== undefined) {
    const { sql, parameters: values } = typeCondition(query.type)
    add(sql, ...values)
  }
  if (query.actorId !== undefined) add('actor_id = ?', query.actorId)
  if (query.objectId !== undefined) add('object_id = ?', query.objectId)
  if (query.digest !== undefined) {
    parseDigest(query.digest, 'digest')
    addImage('digest', query.digest)
  }
  if (query.repository !== undefined) {
    addImage('repository', normaliseRepository(query.repository))
  }
  if (query.from !== undefined) add('at >= ?', instant(query.from, 'from'))
  if (query.to !== undefined) add('at <= ?', instant(query.to, 'to'))
  if (query.after !== undefined) add('number > ?', query.after)
  if (query.before !== undefined) add('number < ?', query.before)
  const isOfFew = query.objectId !== undefined || query.digest !== undefined
  return { conditions, parameters, isOfFew }
}

function instant(text: string, field: string): number {
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw new ChanceryError('ERR_AUDIT_QUERY', 'expected an instant such as 2026-11-23T10:15:00Z', {
    field,
  })
}
