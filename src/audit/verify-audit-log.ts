import { setImmediate } from 'node:timers/promises'
import { equalBytes } from '../crypto/constant-time.ts'
import { encodeAuditRecord, GENESIS, hashAuditRecord, sealAuditHead } from '../db/audit-chain.ts'
import type { AuditEvent, Reader } from '../db/ledger.ts'
import { parseStoredJson } from '../db/stored-json.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeHex, encodeHex } from '../format/hex.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import type { AuditEventView, AuditVerification } from '../wire/audit.ts'
import { MAX_NUMBER, readRows, type AuditRow, type RowConditions } from './audit-rows.ts'

/** How many events are verified before other work gets its turn. */
const SLICE = 1000
const ALL: RowConditions = { conditions: [], parameters: [], isOfFew: false }

interface Head {
  readonly chain: number
  readonly number: number
  readonly head: Uint8Array
  readonly seal: Uint8Array
}

/**
 * Computes an organization's whole log again: every hash, every searched column against the hashed record, the end
 * against its seal. An edit, a deletion, an insertion or another order shows at the first event it concerns.
 *
 * @param auditKey The key of the seals; without it a log that was cut off at its end and sealed anew passes.
 */
export async function verifyStoredLog(
  reader: Reader,
  auditKey: Uint8Array,
  organizationId: string,
): Promise<AuditVerification> {
  const end = reader.get<Head>(
    'SELECT chain, number, head, seal FROM audit_chains WHERE organization_id = ?',
    organizationId,
  )
  if (end === undefined) return verdict(0, GENESIS, 1, 'the log is missing: it has no end')
  let head = GENESIS
  let number = 0
  for (;;) {
    // Only up to the end that was read first: events may be added meanwhile.
    const { rows, isMore } = await readRows(
      reader,
      end.chain,
      ALL,
      { order: 'ASC', lowest: number + 1, highest: end.number },
      SLICE,
    )
    for (const row of rows) {
      const reason = checkRow(row, number + 1, head, organizationId)
      if (reason !== null) return verdict(number, head, number + 1, reason)
      head = row.hash
      number = row.number
    }
    if (!isMore) break
    await setImmediate()
  }
  if (number !== end.number || !equalBytes(head, end.head)) {
    return verdict(
      number,
      head,
      number + 1,
      `expected ${end.number} events, found ${number}: the end is missing`,
    )
  }
  if (!equalBytes(end.seal, sealAuditHead(auditKey, organizationId, end.number, end.head))) {
    return verdict(number, head, number, 'the seal on the end is not that of this authority')
  }
  const behind = { order: 'ASC', lowest: end.number + 1, highest: MAX_NUMBER } as const
  const later = await readRows(reader, end.chain, ALL, behind, 1)
  const isLater = later.rows.length > 0 && currentNumber(reader, organizationId) === end.number
  if (isLater) return verdict(number, head, number + 1, 'there are events behind the sealed end')
  return verdict(number, head, null, null)
}

/**
 * Computes an exported log again. It may begin anywhere, but has to be without gaps: filtered exports do not verify.
 * Whether it ends too early only the server can tell. The names of actors are not part of what was logged, their ids
 * are: the names of an export may be any.
 *
 * @param events Oldest first, as `audit export` writes them.
 * @throws ChanceryError ERR_AUDIT_EXPORT if an event lacks a member.
 */
export function verifyExportedLog(events: Iterable<AuditEventView>): AuditVerification {
  let count = 0
  let head = GENESIS
  let last: number | null = null
  for (const view of events) {
    const previous = decodeHex(view.previousHash)
    if (last === null) {
      if (view.number === 1 && !equalBytes(previous, GENESIS)) {
        return verdict(count, head, 1, 'the first event does not begin the log')
      }
    } else if (view.number !== last + 1 || !equalBytes(previous, head)) {
      return verdict(count, head, last + 1, `expected event ${last + 1}, found ${view.number}`)
    }
    const hash = hashAuditRecord(previous, view.number, encodeAuditRecord(eventOf(view)))
    if (encodeHex(hash) !== view.hash || !isExact(view)) {
      return verdict(count, head, view.number, 'the event is not the one that was logged')
    }
    head = hash
    last = view.number
    count += 1
  }
  if (count === 0) throw new ChanceryError('ERR_AUDIT_EXPORT', 'expected audit events, found none')
  return verdict(count, head, null, null)
}

function eventOf(view: AuditEventView): AuditEvent {
  const { organizationId, type, metadata, objectId, data } = view
  return {
    organizationId,
    type,
    at: Date.parse(view.at),
    actorId: metadata.actor?.id ?? null,
    address: metadata.address,
    requestId: metadata.requestId,
    objectId,
    data,
  }
}

/** Whether a view has nothing that its hash does not cover: no other member, and no other spelling of its time. */
function isExact(view: AuditEventView): boolean {
  const { organizationId, type, at, actorId, address, requestId, objectId, data } = eventOf(view)
  const { number, previousHash, hash, metadata } = view
  const name = metadata.actor?.name ?? null
  const exact: AuditEventView = {
    organizationId,
    number,
    type,
    at: new Date(at).toISOString(),
    metadata: { actor: actorId === null ? null : { id: actorId, name }, address, requestId },
    objectId,
    data: { ...data },
    previousHash,
    hash,
  }
  return canonicalJson(view) === canonicalJson(exact)
}

function checkRow(
  row: AuditRow,
  expected: number,
  previous: Uint8Array,
  organizationId: string,
): string | null {
  if (row.number !== expected)
    return `expected event ${expected}, found ${row.number}: events are missing`
  if (!equalBytes(row.hash, hashAuditRecord(previous, row.number, row.record))) {
    return 'the event is not the one that was logged, or not in its place'
  }
  const event = parseStoredJson(row.record) as AuditEvent
  const isFiledRight =
    event.organizationId === organizationId &&
    event.at === row.at &&
    event.type === row.type &&
    event.actorId === row.actor_id &&
    event.objectId === row.object_id
  return isFiledRight ? null : 'the event is filed under other terms than it was logged with'
}

function currentNumber(reader: Reader, organizationId: string): number | undefined {
  return reader.get<{ number: number }>(
    'SELECT number FROM audit_chains WHERE organization_id = ?',
    organizationId,
  )?.number
}

function verdict(
  events: number,
  head: Uint8Array,
  brokenAt: number | null,
  reason: string | null,
): AuditVerification {
  return { isIntact: brokenAt === null, events, headHash: encodeHex(head), brokenAt, reason }
}
