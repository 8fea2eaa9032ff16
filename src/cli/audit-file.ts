import { verifyExportedLog } from '../audit/verify-audit-log.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import type { AuditEventView, AuditVerification } from '../wire/audit.ts'
import { readUserFile } from './local-files.ts'

const MAX_FILE_BYTES = 2 ** 31
const NEWLINE = 0x0a

/** What an export proves by itself. */
export interface FileVerification extends AuditVerification {
  /** The number of its first event: nothing is known about those before. */
  readonly firstEvent: number
}

/**
 * Verifies an export of the audit log, as JSON lines, without a server.
 *
 * @throws ChanceryError ERR_CLI_FILE if the file cannot be read; ERR_AUDIT_EXPORT if it is no such export.
 */
export async function verifyAuditFile(path: string): Promise<FileVerification> {
  const file = await readUserFile(path, MAX_FILE_BYTES)
  const verification = verifyExportedLog(readEvents(file))
  const first = readEvents(file).next()
  return { ...verification, firstEvent: first.done === true ? 0 : first.value.number }
}

function* readEvents(file: Uint8Array): Generator<AuditEventView> {
  let line = 1
  for (let start = 0; start < file.length; line++) {
    const newline = file.indexOf(NEWLINE, start)
    const end = newline < 0 ? file.length : newline
    yield readEvent(file.subarray(start, end), line)
    start = end + 1
  }
}

// untrusted: whoever hands over an export may have made it.
function readEvent(text: Uint8Array, line: number): AuditEventView {
  const broken = (cause?: unknown): ChanceryError =>
    new ChanceryError('ERR_AUDIT_EXPORT', `expected an audit event in line ${line}`, {
      cause,
      hints: ['`chancery audit export` without a filter writes what can be verified.'],
    })
  let event: unknown
  try {
    event = parseJson(text)
  } catch (cause) {
    throw broken(cause)
  }
  if (!isEvent(event)) throw broken()
  return event
}

function isEvent(value: unknown): value is AuditEventView {
  if (typeof value !== 'object' || value === null) return false
  const event = value as Readonly<Record<string, unknown>>
  const texts = ['organizationId', 'type', 'at', 'previousHash', 'hash']
  return (
    texts.every((name) => typeof event[name] === 'string') &&
    /^[0-9a-f]{64}$/.test(event['previousHash'] as string) &&
    Number.isSafeInteger(event['number']) &&
    isObject(event['metadata']) &&
    isObject(event['data']) &&
    (event['objectId'] === null || typeof event['objectId'] === 'string') &&
    !Number.isNaN(Date.parse(event['at'] as string))
  )
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
