import { GENESIS } from '../db/audit-chain.ts'
import type { AuditEvent, Reader, SqlValue } from '../db/ledger.ts'
import { encodeHex } from '../format/hex.ts'
import { parseJson } from '../format/json.ts'
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
   * Whether they name an object that few events are about. Without statistics SQLite would rather go through the whole
   * log in order than look these up and sort them.
   */
  readonly isOfFew?: boolean
}

/** Events of a log that hold the conditions, in order. */
export function readRows(
  reader: Reader,
  chain: number,
  { conditions, parameters, isOfFew }: RowConditions,
  order: 'ASC' | 'DESC',
  limit: number,
): readonly AuditRow[] {
  const where = [isOfFew === true ? '+chain = ?' : 'chain = ?', ...conditions].join(' AND ')
  return reader.all<AuditRow>(
    `SELECT ${COLUMNS} FROM audit_events WHERE ${where} ORDER BY number ${order} LIMIT ?`,
    chain,
    ...parameters,
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
  const event = parseJson(row.record) as AuditEvent
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
