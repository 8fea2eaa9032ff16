import { ChanceryError, type ErrorOptions } from '../errors/chancery-error.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { parseJson } from '../format/json.ts'
import type { Answer } from './http-transport.ts'
import type { RepositoryName } from './origins.ts'

const MAX_QUOTED_LENGTH = 200

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'ERR_REGISTRY_UNAUTHORIZED',
  403: 'ERR_REGISTRY_FORBIDDEN',
  404: 'ERR_REGISTRY_NOT_FOUND',
  408: 'ERR_REGISTRY_UNAVAILABLE',
  412: 'ERR_REGISTRY_PRECONDITION',
  413: 'ERR_REGISTRY_REFUSED',
  429: 'ERR_REGISTRY_UNAVAILABLE',
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_REGISTRY_UNAUTHORIZED:
    'Log in with docker login, or give --registry-username and --registry-password.',
  ERR_REGISTRY_FORBIDDEN:
    'The credentials are accepted but may not do this; ask who runs the registry.',
  ERR_REGISTRY_UNAVAILABLE: 'Try again later; the registry is overloaded or being maintained.',
}

/** The error that an answer with an unexpected status stands for, with what the registry says about it. */
export function errorOfAnswer(repository: RepositoryName, answer: Answer): ChanceryError {
  const { status } = answer
  const code =
    CODES[status] ??
    (status >= 500
      ? 'ERR_REGISTRY_UNAVAILABLE'
      : status >= 400
        ? 'ERR_REGISTRY_REFUSED'
        : 'ERR_REGISTRY_BAD_ANSWER')
  const said = quoteError(answer.body)
  // After a redirect it is another host that answers.
  const message = `${answer.url.host} answered ${status}${said} for ${repository.registry}/${repository.repository}`
  return new ChanceryError(code, message, hintFor(code))
}

/**
 * Whether a refusal says that something a manifest names is not in the repository. Nothing of it is to be relied on.
 *
 * Source: distribution-spec, "Error Codes".
 */
export function saysUnknown({ code, message }: ChanceryError): boolean {
  const isRefusal = code === 'ERR_REGISTRY_REFUSED' || code === 'ERR_REGISTRY_NOT_FOUND'
  return isRefusal && /(?:BLOB|MANIFEST)_UNKNOWN/.test(message)
}

/** The error of an answer that no registry gives. */
export function badAnswer(
  repository: RepositoryName,
  reason: string,
  cause?: unknown,
): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_BAD_ANSWER', `${repository.registry}: ${reason}`, {
    cause,
  })
}

/**
 * The error of content that is malformed, or another thing than its name says: somebody put it there, and to ask again
 * changes nothing.
 *
 * @param place What holds it.
 */
export function badContent(place: string, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_CONTENT', `${place}: ${reason}`, {
    cause,
    hints: ['Whoever can push put it there; remove it, or push what belongs there again.'],
  })
}

function hintFor(code: ErrorCode): ErrorOptions {
  const hint = HINTS[code]
  return hint === undefined ? {} : { hints: [hint] }
}

/**
 * The first error that an answer names; nothing where it names none. Nothing of it is to be relied on.
 *
 * Source: distribution-spec, "Error Codes".
 */
export function firstErrorOf(body: Uint8Array): {
  readonly code?: unknown
  readonly message?: unknown
} {
  let value: unknown
  try {
    value = parseJson(body)
  } catch {
    // A proxy answers with a page of its own; the status says all there is to say.
    return {}
  }
  const errors = (value as { errors?: unknown } | null)?.errors
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  return first ?? {}
}

/** The first error of the answer, as ` (CODE: message)`. */
function quoteError(body: Uint8Array): string {
  const { code, message } = firstErrorOf(body)
  const said = [code, message].filter((part) => typeof part === 'string').join(': ')
  // untrusted: it is shown in a terminal, so it must not contain control sequences.
  const printable = said.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_QUOTED_LENGTH)
  return printable === '' ? '' : ` (${printable})`
}
