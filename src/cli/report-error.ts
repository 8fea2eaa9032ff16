import {
  ArgumentParseError,
  ArgumentScannerError,
  FlagNotFoundError,
  formatMessageForArgumentScannerError,
} from '@stricli/core'
import { ChanceryError } from '../errors/chancery-error.ts'
import { CODES } from '../errors/codes.ts'
import { encodeJson } from './output.ts'
import { printable } from './text-table.ts'

/** The exit code of a bug. Source: sysexits.h, EX_SOFTWARE. */
export const EXIT_BUG = 70
/** The exit code of a wrong call. */
export const EXIT_USAGE = 2

/** Paths and references are shorter than this. */
const MAX_WORD = 256
const SHOWN_OF_LONG_WORD = 160
const MAX_LINE = 10_000

/** How errors are shown. */
export interface ErrorStyle {
  /** Adds the problem document as the last line. */
  readonly isJson: boolean
  /** Adds the stack of what is not a {@link ChanceryError}. */
  readonly isDebug: boolean
}

/** The exit code for anything that was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof ChanceryError) return thrown.exitCode
  return thrown instanceof ArgumentScannerError ? EXIT_USAGE : EXIT_BUG
}

/**
 * What stderr says about anything that was thrown: an `error:` line, a `hint:` line each for what to do, and with
 * `--json` the problem document (RFC 9457) on one line at the end. The message of an unexpected error is not shown:
 * it may hold what it choked on, a secret perhaps. Nothing in it is raw that a terminal obeys, and the lines say what is
 * very long by its beginning; the document has all of it.
 */
export function describeError(thrown: unknown, style: ErrorStyle): string {
  const lines = [`error: ${readable(messageOf(thrown))}`]
  for (const hint of hintsOf(thrown)) lines.push(`hint: ${readable(hint)}`)
  if (!isExpected(thrown) && style.isDebug) lines.push(stackOf(thrown))
  if (style.isJson) lines.push(encodeJson(problemOf(thrown), 0))
  return lines.join('\n')
}

function readable(text: string): string {
  const words = text.replaceAll(/\S+/g, (word) => {
    if (word.length <= MAX_WORD) return word
    return `${word.slice(0, SHOWN_OF_LONG_WORD)}… (${word.length} characters)`
  })
  return printable(words.length <= MAX_LINE ? words : `${words.slice(0, MAX_LINE)}…`)
}

/** One error for all that is wrong with a command line, with a hint for the command. */
export function usageError(all: readonly unknown[], helpCommand: string): unknown {
  const errors = all.map((thrown) => oneUsageError(thrown))
  const [first, ...others] = errors
  if (!(first instanceof ChanceryError)) return first
  const messages = [first, ...others.filter((error) => error instanceof ChanceryError)]
  const hints = errors.flatMap((error) => (error instanceof ChanceryError ? error.hints : []))
  return new ChanceryError(first.code, messages.map(({ message }) => message).join('; '), {
    hints: [...new Set(hints), `\`${helpCommand}\` shows what the command expects.`],
  })
}

function oneUsageError(thrown: unknown): unknown {
  if (!(thrown instanceof ArgumentScannerError)) return thrown
  // A parser of a flag's value has said all there is to say.
  if (thrown instanceof ArgumentParseError && thrown.exception instanceof ChanceryError) {
    const { code, message, hints } = thrown.exception
    const field = thrown.externalFlagNameOrPlaceholder
    return new ChanceryError(code, `${nameOf(field)}: ${message}`, { hints })
  }
  const corrections = thrown instanceof FlagNotFoundError ? thrown.corrections : []
  const hints = corrections.map((flag) => `Did you mean --${flag}?`)
  const message = formatMessageForArgumentScannerError(thrown, {
    FlagNotFoundError: ({ input }) => `there is no flag --${input} here`,
    AliasNotFoundError: ({ input }) =>
      `there is no flag -${input} here; a value that starts with "-" is written --flag=value`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} VALUE is missing`,
    UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing`,
    UnexpectedPositionalError: ({ input }) => `"${input}" is one argument too many`,
    UnexpectedFlagError: ({ externalFlagName }) => `--${externalFlagName} may be given once`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `--${externalFlagName} expects one of ${values.join(', ')}, found "${input}"`,
  })
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}

function nameOf(field: string): string {
  return /^[a-z]/.test(field) ? `--${field}` : field
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof ChanceryError) return thrown.message
  const name = thrown instanceof Error ? thrown.name : typeof thrown
  return `something unexpected happened inside chancery (${name})`
}

function hintsOf(thrown: unknown): readonly string[] {
  if (thrown instanceof ChanceryError) return thrown.hints
  return ['This is a bug. With CHANCERY_DEBUG=1 the command says where it happened.']
}

function isExpected(thrown: unknown): boolean {
  return thrown instanceof ChanceryError
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown)
}

function problemOf(thrown: unknown): object {
  if (!(thrown instanceof ChanceryError)) {
    return { type: 'about:blank', title: 'Internal error', status: 500 }
  }
  return {
    type: `urn:chancery:error:${thrown.code}`,
    title: CODES[thrown.code].summary,
    status: thrown.httpStatus,
    detail: thrown.message,
    ...(thrown.hints.length > 0 ? { hints: thrown.hints } : {}),
  }
}
