import { GENESIS } from '../db/audit-chain.ts'
import type { AuditEvent, Reader, SqlValue } from '../db/ledger.ts'
import { readPage, type Page } from '../db/page.ts'
import { parseStoredJson } from '../db/stored-json.ts'
import { encodeHex } from '../format/hex.ts'
import type { AuditEventView } from '../wire/audit.ts'

/** An event as it is stored. */
export interface AuditRow {
  readonly number: number
  readonly at: number
  readonly type: string
  readonly actor_id: string | null
  readonly object_id: string | null
  /** Canonical JSON: the text that was hashed. */
  readonly record: string
  readonly hash: Uint8Array
}

const COLUMNS = 'number, at, type, actor_id, object_id, record, hash'

/** The number of an organization's log in the store, or undefined before its first event. */
export function findChain(reader: Reader, organizationId: string): number | undefined {
  return reader.get<{ chain: number }>(
    'SELECT chain FROM audit_chains WHERE organization_id = ?',
    organizationId,
  )?.chain
}

/** What events are narrowed to. */
export interface RowConditions {
  /** On the columns of `audit_events`; all of them hold. */
  readonly conditions: readonly string[]
  /** The values of their placeholders. */
  readonly parameters: readonly SqlValue[]
  /**
   * Whether they name few events, which are looked up and sorted. Without statistics SQLite would rather go through the
   * whole log in order.
   */
  readonly isOfFew: boolean
}

/** No event has a higher number. */
export const MAX_NUMBER = Number.MAX_SAFE_INTEGER

/** Where in a log events are looked for. */
export interface RowRange {
  readonly order: 'ASC' | 'DESC'
  /** The lowest and the highest number, both inclusive. */
  readonly lowest: number
  readonly highest: number
}

/** How many events are gone through without a pause: some 10 ms. */
const STRETCH = 5000

/** A page of the events that hold the conditions. Bounded by what is in them, too: see `readPage`. */
export function readRows(
  reader: Reader,
  chain: number,
  { conditions, parameters, isOfFew }: RowConditions,
  range: RowRange,
  limit: number,
): Promise<Page<AuditRow>> {
  const { order } = range
  const where = [isOfFew ? '+chain = ?' : 'chain = ?', ...conditions, 'number BETWEEN ? AND ?']
  const sql = `SELECT ${COLUMNS} FROM audit_events WHERE ${where.join(' AND ')} ORDER BY number ${order}`
  const end = `SELECT number FROM audit_events WHERE chain = ? AND number ${order === 'ASC' ? '>=' : '<='} ? ORDER BY number ${order} LIMIT 1 OFFSET ${STRETCH - 1}`
  return readPage(
    {
      ...range,
      endOfStretch: (from) =>
        isOfFew ? undefined : reader.get<{ number: number }>(end, chain, from)?.number,
      read: (low, high) => reader.iterate<AuditRow>(sql, chain, ...parameters, low, high),
      weigh: ({ record }) => record.length,
    },
    limit,
  )
}

/** The hash of the event before a number: that of the event there, or the genesis hash. */
export function readHashBefore(reader: Reader, chain: number, number: number): Uint8Array {
  const row = reader.get<{ hash: Uint8Array }>(
    'SELECT hash FROM audit_events WHERE chain = ? AND number = ?',
    chain,
    number - 1,
  )
  return row?.hash ?? GENESIS
}

/**
 * An event as the API and exports show it.
 *
 * @param nameOf The present name of a user, or null.
 */
export function viewOf(
  row: AuditRow,
  previousHash: Uint8Array,
  nameOf: (userId: string) => string | null,
): AuditEventView {
  const event = parseStoredJson(row.record) as AuditEvent
  const { actorId } = event
  return {
    organizationId: event.organizationId,
    number: row.number,
    type: event.type,
    at: new Date(event.at).toISOString(),
    metadata: {
      actor: actorId === null ? null : { id: actorId, name: nameOf(actorId) },
      address: event.address,
      requestId: event.requestId,
    },
    objectId: event.objectId,
    data: { ...event.data },
    previousHash: encodeHex(previousHash),
    hash: encodeHex(row.hash),
  }
}
