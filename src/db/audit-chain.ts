import { hmacSha256 } from '../crypto/hmac.ts'
import { sha256 } from '../crypto/digest.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import type { AuditEvent } from './ledger.ts'

/** The hash before an organization's first event: 32 zero bytes. */
export const GENESIS: Uint8Array = new Uint8Array(32)

/**
 * The text of an event that is stored, exported and hashed: canonical JSON (RFC 8785) of its members, so that
 * a reader that parsed it can make the same text again.
 */
export function encodeAuditRecord(event: AuditEvent): string {
  const { actorId, address, at, data, objectId, organizationId, requestId, type } = event
  // In the order of the names: what is sorted already need not be sorted.
  return canonicalJson({ actorId, address, at, data, objectId, organizationId, requestId, type })
}

const utf8 = new TextEncoder()
let scratch: Uint8Array = new Uint8Array(16_384)

/**
 * The hash that links an event to all before it:
 *
 *     SHA-256( previous hash (32 bytes) ‖ number (8 bytes, big-endian) ‖ record (UTF-8) )
 *
 * @param number The event's number in its organization's log: 1 for the first.
 * @param record As {@link encodeAuditRecord} makes it.
 */
export function hashAuditRecord(previous: Uint8Array, number: number, record: string): Uint8Array {
  const needed = 40 + record.length * 3
  if (scratch.length < needed) scratch = new Uint8Array(needed)
  scratch.set(previous, 0)
  new DataView(scratch.buffer).setBigUint64(32, BigInt(number))
  const { written } = utf8.encodeInto(record, scratch.subarray(40))
  return sha256(scratch.subarray(0, 40 + written))
}

/**
 * The seal on the end of a log: without the key nobody can make the log shorter, or another one, unnoticed.
 *
 *     HMAC-SHA-256( key, organization id ‖ ":" ‖ number ‖ ":" ‖ head hash )
 */
export function sealAuditHead(
  key: Uint8Array,
  organizationId: string,
  number: number,
  head: Uint8Array,
): Uint8Array {
  const prefix = utf8.encode(`${organizationId}:${number}:`)
  const message = new Uint8Array(prefix.length + head.length)
  message.set(prefix, 0)
  message.set(head, prefix.length)
  return hmacSha256(key, message)
}
