import type { AuditEventView } from '../wire/audit.ts'

const COLUMNS = [
  'number',
  'at',
  'type',
  'actorId',
  'actorName',
  'address',
  'requestId',
  'objectId',
  'data',
  'previousHash',
  'hash',
] as const

/** The header line of a CSV export. */
export function csvHeader(): string {
  return `${COLUMNS.join(',')}\r\n`
}

/**
 * One event as a line of CSV; `data` is JSON. Source: RFC 4180, section 2.
 *
 * Values that a spreadsheet would take for a formula are prefixed with an apostrophe.
 */
export function csvLine(event: AuditEventView): string {
  const { metadata } = event
  const values: Record<(typeof COLUMNS)[number], string | number | null | undefined> = {
    number: event.number,
    at: event.at,
    type: event.type,
    actorId: metadata.actor?.id,
    actorName: metadata.actor?.name,
    address: metadata.address,
    requestId: metadata.requestId,
    objectId: event.objectId,
    data: JSON.stringify(event.data),
    previousHash: event.previousHash,
    hash: event.hash,
  }
  return `${COLUMNS.map((column) => quote(values[column])).join(',')}\r\n`
}

function quote(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  const text = String(value)
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
