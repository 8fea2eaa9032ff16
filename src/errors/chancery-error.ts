import { CODES, type ErrorCode } from './codes.ts'

/**
 * What an error means to the caller; it decides the HTTP status and the exit code.
 *
 * - `refused`: well-formed, but the proof does not hold or the policy says no.
 * - `invalid`: malformed, or not what the contract asks for.
 * - `unauthenticated`: no credential, or one that is not accepted.
 * - `denied`: the principal may not do this.
 * - `missing`: there is no such thing.
 * - `conflict`: the thing exists, or is no longer in the state the call expects.
 * - `unavailable`: a dependency does not answer; the same call may succeed later.
 */
export type ErrorKind =
  'refused' | 'invalid' | 'unauthenticated' | 'denied' | 'missing' | 'conflict' | 'unavailable'

/** The HTTP status of each kind, unless the code's entry names another. */
export const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  refused: 422,
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  missing: 404,
  conflict: 409,
  unavailable: 503,
}

/** The process exit code of each kind; anything that is not a {@link ChanceryError} is a bug and exits 70. */
export const EXIT_CODE: Readonly<Record<ErrorKind, number>> = {
  refused: 1,
  invalid: 2,
  unauthenticated: 3,
  denied: 3,
  missing: 4,
  conflict: 5,
  unavailable: 6,
}

/** What may accompany an error. */
export interface ErrorOptions {
  /** The inner error; logged with ours, never sent to a client. */
  readonly cause?: unknown
  /** What to do about it, one sentence each; shown as `hint:` lines and as `hints` in problem documents. */
  readonly hints?: readonly string[]
  /** The input the error is about, as the caller named it: a JSON member, a form field, a flag, an XML attribute. */
  readonly field?: string
  /** The messages by input, where several inputs are wrong at once. */
  readonly fieldErrors?: ReadonlyMap<string, readonly string[]>
}

/**
 * The only error class that reaches a caller. Everything else that is thrown is a bug of ours.
 *
 * `message` says what was expected and what was found. It is meant for the caller and never contains a
 * secret, a token, payload bytes or a path on the server.
 */
export class ChanceryError extends Error {
  /** Stable name of the condition; never renamed, never reused. */
  readonly code: ErrorCode
  readonly hints: readonly string[]
  readonly field: string | undefined
  readonly fieldErrors: ReadonlyMap<string, readonly string[]> | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ChanceryError'
    this.code = code
    this.hints = options.hints ?? []
    this.field = options.field
    this.fieldErrors = options.fieldErrors
  }

  /** The kind of {@link code}. */
  get kind(): ErrorKind {
    return CODES[this.code].kind
  }

  /** The HTTP status of {@link code}. */
  get httpStatus(): number {
    const entry: { readonly kind: ErrorKind; readonly status?: number } = CODES[this.code]
    return entry.status ?? HTTP_STATUS[entry.kind]
  }

  /** The process exit code of {@link code}. */
  get exitCode(): number {
    return EXIT_CODE[this.kind]
  }
}
