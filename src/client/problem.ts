import { ChanceryError } from '../errors/chancery-error.ts'
import { CODES, type ErrorCode } from '../errors/codes.ts'
import { parseJson } from '../format/json.ts'

const TYPE_PREFIX = 'urn:chancery:error:'
const MAX_TEXT = 2000
const MAX_HINTS = 10

/**
 * Turns an error answer back into the error the server threw: by its code where we know the code, by its status where
 * we do not. What it says comes from the server and is cut to a sane length.
 *
 * @param body The body, of any type; `application/problem+json` is read (RFC 9457).
 */
export function errorFromProblem(status: number, body: Uint8Array): ChanceryError {
  const problem = readProblem(body)
  const type = problem['type']
  const code =
    typeof type === 'string' && type.startsWith(TYPE_PREFIX) ? type.slice(TYPE_PREFIX.length) : ''
  const hints = readTexts(problem['hints'])
  const message = readMessage(problem) ?? `the server answered with status ${status}`
  if (isErrorCode(code)) return new ChanceryError(code, message, { hints })
  return new ChanceryError(codeOfStatus(status), message, {
    hints: hints.length > 0 ? hints : hintsOfStatus(status),
  })
}

// untrusted: the body is whatever answered at that address.
function readProblem(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = parseJson(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch (thrown) {
    if (thrown instanceof ChanceryError) return {}
    throw thrown
  }
}

function readMessage(problem: Readonly<Record<string, unknown>>): string | undefined {
  const detail = readText(problem['detail'])
  if (detail !== undefined) return detail
  const errors = problem['errors']
  if (typeof errors === 'object' && errors !== null) {
    const all = Object.entries(errors).flatMap(([field, messages]) =>
      readTexts(messages).map((message) =>
        field === '' ? message : `${clean(field)}: ${message}`,
      ),
    )
    if (all.length > 0) return all.join('; ').slice(0, MAX_TEXT)
  }
  return readText(problem['title'])
}

function readTexts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, MAX_HINTS).flatMap((element) => readText(element) ?? [])
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? clean(value) : undefined
}

/** Keeps control characters away from terminals, line breaks too: a server says one line at a time. */
function clean(text: string): string {
  return text.slice(0, MAX_TEXT).replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd')
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code)
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'ERR_CLIENT_UNAUTHENTICATED'
  if (status === 403) return 'ERR_CLIENT_DENIED'
  if (status === 404 || status === 410) return 'ERR_CLIENT_MISSING'
  if (status === 409 || status === 412) return 'ERR_CLIENT_CONFLICT'
  if (status === 422) return 'ERR_CLIENT_REFUSED'
  if (status === 408 || status === 429 || status >= 500) return 'ERR_CLIENT_UNAVAILABLE'
  return 'ERR_CLIENT_INVALID'
}

function hintsOfStatus(status: number): readonly string[] {
  if (status === 401) return ['The token may be mistyped, expired or revoked; ask for a new one.']
  if (status === 404) return ['Check that the URL is that of a Chancery server.']
  if (status === 500) return ['The log of the server says more.']
  return []
}
