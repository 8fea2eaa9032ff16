import { ChanceryError } from '../errors/chancery-error.ts'

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The GUID of 32 zero digits. It names the instance itself where an organization id is expected. */
export const NIL_GUID = '00000000-0000-0000-0000-000000000000'

/** True for a GUID in the form Chancery prints: lower-case, with hyphens, without braces. */
export function isGuid(text: string): boolean {
  return GUID.test(text)
}

/**
 * Reads a GUID in either case and returns it in lower case.
 *
 * @throws ChanceryError ERR_FORMAT_GUID if the text is not a GUID, or is the nil GUID.
 */
export function parseGuid(text: string, field?: string): string {
  const lower = text.toLowerCase()
  if (!GUID.test(lower) || lower === NIL_GUID) {
    throw new ChanceryError(
      'ERR_FORMAT_GUID',
      'expected a GUID such as 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
      field === undefined ? {} : { field },
    )
  }
  return lower
}

/** How many random bytes {@link formatUuidV7} takes. */
export const UUID_V7_RANDOM_BYTES = 10

const bytes = Buffer.alloc(16)

/**
 * Formats a version 7 UUID: 48 bits of Unix milliseconds, then random bits, so that ids sort by age.
 *
 * @param unixMs Milliseconds since 1970, below 2^48.
 * @param random Has {@link UUID_V7_RANDOM_BYTES} random bytes from `offset` on.
 * Source: RFC 9562, section 5.7.
 */
export function formatUuidV7(unixMs: number, random: Uint8Array, offset: number): string {
  bytes.writeUIntBE(unixMs, 0, 6)
  for (let at = 0; at < UUID_V7_RANDOM_BYTES; at++) bytes[6 + at] = random[offset + at] ?? 0
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
