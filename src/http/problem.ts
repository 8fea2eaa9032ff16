import type { FastifyReply } from 'fastify'
import { ChanceryError } from '../errors/chancery-error.ts'
import { CODES } from '../errors/codes.ts'
import type { Problem } from '../wire/shapes.ts'
import { pascalCase } from './binding.ts'

/** Seconds after which a client may try again what was unavailable. */
const RETRY_AFTER_SECONDS = 5

/** What the framework throws and clients cause; everything else it throws is a bug. */
const FRAMEWORK_ERRORS: ReadonlyMap<string, (maxBodyBytes: number) => ChanceryError> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', bodyTooLargeError],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', () => mediaTypeError([])],
  [
    'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
    () => new ChanceryError('ERR_HTTP_MALFORMED', 'expected a body of Content-Length bytes'),
  ],
  [
    'FST_ERR_BAD_URL',
    () => new ChanceryError('ERR_HTTP_MALFORMED', 'expected a path with valid percent-encoding'),
  ],
  ['FST_ERR_MAX_PARAM_LENGTH', noRouteError],
])

/** The 404 of a path without a route. */
export function noRouteError(): ChanceryError {
  return new ChanceryError('ERR_HTTP_NO_ROUTE', 'there is no such route', {
    hints: ['GET /openapi.json lists the routes'],
  })
}

function bodyTooLargeError(maxBodyBytes: number): ChanceryError {
  return new ChanceryError(
    'ERR_HTTP_BODY_TOO_LARGE',
    `expected a body of at most ${maxBodyBytes} bytes`,
    {
      hints: [
        'artifacts that are sent as a file may have as many bytes as `chancery serve --max-artifact-bytes` says',
      ],
    },
  )
}

/** The 415 of a route. */
export function mediaTypeError(mediaTypes: readonly string[]): ChanceryError {
  const expected = mediaTypes.length === 0 ? 'no body' : mediaTypes.join(' or ')
  return new ChanceryError(
    'ERR_HTTP_MEDIA_TYPE',
    `expected ${expected}, without a Content-Encoding`,
    {
      field: 'Content-Type',
    },
  )
}

/**
 * What was thrown, as an error that may be shown: our own errors, and those of the framework that clients cause.
 *
 * @param maxBodyBytes What the route takes.
 * @returns null for everything else: a bug.
 */
export function presentable(thrown: unknown, maxBodyBytes: number): ChanceryError | null {
  if (thrown instanceof ChanceryError) return thrown
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string')
    return null
  return FRAMEWORK_ERRORS.get(thrown.code)?.(maxBodyBytes) ?? null
}

/**
 * The problem document of an error: RFC 9457, with the members SignPath's clients read. Of a bug (`null`) it says
 * nothing but that it is one.
 *
 * @param requestId 32 hex digits.
 */
export function problemOf(error: ChanceryError | null, requestId: string): Problem {
  const instance = { instance: requestId, traceId: `00-${requestId}-${requestId.slice(16)}-00` }
  if (error === null)
    return { type: 'about:blank', title: 'Internal error', status: 500, ...instance }
  return {
    errors: errorsOf(error),
    type: `urn:chancery:error:${error.code}`,
    title: CODES[error.code].summary,
    status: error.httpStatus,
    detail: error.message,
    ...(error.hints.length === 0 ? {} : { hints: [...error.hints] }),
    ...instance,
  }
}

function errorsOf(error: ChanceryError): Record<string, string[]> {
  const { fieldErrors, field = '', message } = error
  if (fieldErrors === undefined) return Object.fromEntries([[pascalCase(field), [message]]])
  return Object.fromEntries(
    Array.from(fieldErrors, ([name, messages]) => [pascalCase(name), [...messages]]),
  )
}

/** Answers with the problem document of an error, and the headers its status asks for. */
export function sendProblem(
  reply: FastifyReply,
  error: ChanceryError | null,
  requestId: string,
): void {
  const problem = problemOf(error, requestId)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  if (problem.status === 503) reply.header('retry-after', String(RETRY_AFTER_SECONDS))
  reply
    .code(problem.status)
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem))
}
