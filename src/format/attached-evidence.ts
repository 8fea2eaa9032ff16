import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from './base64.ts'
import type { BundleLogEntry } from './bundle.ts'
import { decodeHex } from './hex.ts'
import { parseJson } from './json.ts'

const CODE = 'ERR_FORMAT_ATTACHED_EVIDENCE'
const MAX_TEXT = 2 * 1024 * 1024
const MAX_SIGNATURE_BYTES = 16 * 1024
const MAX_BODY_BYTES = 1024 * 1024
const MAX_TIMESTAMP_BYTES = 64 * 1024
const MAX_ID_BYTES = 64

/**
 * Reads what Rekor said about a signature that is attached to an image, the annotation `dev.sigstore.cosign/bundle`:
 *
 *     {"SignedEntryTimestamp":"<base64>","Payload":{"body":"<base64>","integratedTime":n,"logIndex":n,"logID":"<hex>"}}
 *
 * @throws ChanceryError ERR_FORMAT_ATTACHED_EVIDENCE or ERR_FORMAT_JSON if it is anything else.
 * Source: sigstore/cosign, pkg/cosign/bundle/rekor.go.
 */
export function parseAttachedLogEntry(text: string): BundleLogEntry {
  const members = ['SignedEntryTimestamp', 'Payload']
  const document = asObject(parse(text), members, 'the log entry')
  const names = ['body', 'integratedTime', 'logIndex', 'logID']
  const payload = asObject(document['Payload'], names, 'the log entry, Payload')
  const body = asBytes(payload['body'], MAX_BODY_BYTES, 'body')
  const { kind, apiVersion } = (parseJson(body) ?? {}) as Readonly<Record<string, unknown>>
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
    throw refused('a body with kind and apiVersion in the log entry')
  }
  return {
    logIndex: asInteger(payload['logIndex'], 'logIndex'),
    logId: asLogId(payload['logID']),
    kind,
    version: apiVersion,
    integratedTime: asInteger(payload['integratedTime'], 'integratedTime'),
    inclusionPromise: asBytes(
      document['SignedEntryTimestamp'],
      MAX_SIGNATURE_BYTES,
      'SignedEntryTimestamp',
    ),
    inclusionProof: undefined,
    body,
  }
}

/**
 * Reads the timestamp of a signature that is attached to an image, the annotation `dev.sigstore.cosign/rfc3161timestamp`:
 * `{"SignedRFC3161Timestamp":"<base64>"}`.
 *
 * @returns DER TimeStampResp.
 * @throws ChanceryError ERR_FORMAT_ATTACHED_EVIDENCE or ERR_FORMAT_JSON if it is anything else.
 * Source: sigstore/cosign, pkg/cosign/bundle/rfc3161.go.
 */
export function parseAttachedTimestamp(text: string): Uint8Array {
  const name = 'SignedRFC3161Timestamp'
  const document = asObject(parse(text), [name], 'the timestamp')
  return asBytes(document[name], MAX_TIMESTAMP_BYTES, name)
}

function parse(text: string): unknown {
  if (text.length > MAX_TEXT) throw refused(`at most ${MAX_TEXT} characters`)
  return parseJson(text)
}

function asObject(
  value: unknown,
  names: readonly string[],
  where: string,
): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject || Object.keys(value).some((name) => !names.includes(name))) {
    throw refused(`an object of ${names.join(', ')} for ${where}`)
  }
  return value as Readonly<Record<string, unknown>>
}

function asBytes(value: unknown, maximum: number, name: string): Uint8Array {
  const expected = `1 to ${maximum} bytes in base64 as ${name}`
  if (typeof value !== 'string' || value === '' || value.length > Math.ceil(maximum / 3) * 4) {
    throw refused(expected)
  }
  try {
    return decodeBase64(value)
  } catch (cause) {
    throw refused(expected, cause)
  }
}

function asLogId(value: unknown): Uint8Array {
  const expected = 'an id in lower-case hexadecimal as logID'
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_BYTES * 2) {
    throw refused(expected)
  }
  try {
    return decodeHex(value)
  } catch (cause) {
    throw refused(expected, cause)
  }
}

function asInteger(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw refused(`a whole number as ${name}`)
}

function refused(expected: string, cause?: unknown): ChanceryError {
  return new ChanceryError(CODE, `expected ${expected}`, { cause })
}
