import { ChanceryError } from '../errors/chancery-error.ts'

/** `--json`: for every command that has a result. */
export const JSON_FLAG = {
  json: {
    kind: 'boolean',
    optional: true,
    withNegated: false,
    brief: 'Print one JSON document on stdout',
  },
} as const

/** The value of {@link JSON_FLAG}. */
export interface JsonFlag {
  readonly json?: boolean
}

/** The flags of every command that calls a server. The token is no flag: others can read a command line. */
export const SERVER_FLAGS = {
  ...JSON_FLAG,
  url: text('Server URL (CHANCERY_URL, or `chancery login`)', 'URL'),
  organization: text('Organization id (CHANCERY_ORGANIZATION, or `chancery login`)', 'ID'),
  allowHttp: {
    kind: 'boolean',
    optional: true,
    withNegated: false,
    brief: 'Send the token over plain http to another machine',
  },
} as const

/** The values of {@link SERVER_FLAGS}. */
export interface ServerFlags extends JsonFlag {
  readonly url?: string
  readonly organization?: string
  readonly allowHttp?: boolean
}

/** The brief line of a flag with the form of its value before it, which the framework does not print. */
export function valued(placeholder: string, brief: string): string {
  return placeholder === 'TEXT' ? brief : `${placeholder}: ${brief}`
}

/** An optional flag with a text value. */
export function text(
  brief: string,
  placeholder = 'TEXT',
): {
  kind: 'parsed'
  parse: (input: string) => string
  optional: true
  brief: string
  placeholder: string
} {
  const described = valued(placeholder, brief)
  return { kind: 'parsed', parse: String, optional: true, brief: described, placeholder }
}

/** A flag with a text value that has to be there. */
export function requiredText(
  brief: string,
  placeholder = 'TEXT',
): { kind: 'parsed'; parse: (input: string) => string; brief: string; placeholder: string } {
  return { kind: 'parsed', parse: String, brief: valued(placeholder, brief), placeholder }
}

/** An optional flag that may be given several times. */
export function texts(
  brief: string,
  placeholder = 'TEXT',
): {
  kind: 'parsed'
  parse: (input: string) => string
  optional: true
  variadic: true
  brief: string
  placeholder: string
} {
  return {
    kind: 'parsed',
    parse: String,
    optional: true,
    variadic: true,
    brief: valued(placeholder, brief),
    placeholder,
  }
}

/** An optional flag with a whole number of at least `minimum`. */
export function wholeNumber(
  brief: string,
  minimum: number,
  placeholder = 'N',
): {
  kind: 'parsed'
  parse: (input: string) => number
  optional: true
  brief: string
  placeholder: string
} {
  return {
    kind: 'parsed',
    parse: (input) => parseWholeNumber(input, minimum),
    optional: true,
    brief: valued(placeholder, brief),
    placeholder,
  }
}

/** `--max-workers`, which is Cosign's: how many images are worked on at the same time. */
export const WORKERS_FLAG = {
  maxWorkers: {
    kind: 'parsed',
    parse: (input: string) => parseWholeNumber(input, 1),
    default: '10',
    brief: valued('N', 'How many images at the same time'),
    placeholder: 'N',
  },
} as const

/** A switch that is off unless given; it has no `--no-` form. */
export function toggle(brief: string): {
  kind: 'boolean'
  optional: true
  withNegated: false
  brief: string
} {
  return { kind: 'boolean', optional: true, withNegated: false, brief }
}

/** A positional argument. What starts with a dash is taken for a mistyped flag. */
export function argument(
  brief: string,
  placeholder: string,
): { parse: (input: string) => string; brief: string; placeholder: string } {
  return { parse: parseArgument, brief, placeholder }
}

function parseArgument(input: string): string {
  if (input.startsWith('-') && input !== '-') {
    throw new ChanceryError('ERR_CLI_USAGE', `expected a name, found "${input}"`, {
      hints: [
        'Flags are written -a VALUE or --flag=VALUE; a file of that name is written ./-name.',
      ],
    })
  }
  return input
}

/**
 * Reads a whole number.
 *
 * @throws ChanceryError ERR_CLI_USAGE if it is none, or not within the bounds.
 */
export function parseWholeNumber(
  input: string,
  minimum: number,
  maximum: number = Number.MAX_SAFE_INTEGER,
): number {
  const value = Number(input)
  if (!/^\d+$/.test(input) || value < minimum || value > maximum) {
    const bounds =
      maximum === Number.MAX_SAFE_INTEGER
        ? `of at least ${minimum}`
        : `between ${minimum} and ${maximum}`
    throw new ChanceryError('ERR_CLI_USAGE', `expected a whole number ${bounds}, found "${input}"`)
  }
  return value
}

/**
 * Reads `60`, `60s`, `5m` or `2h` as milliseconds.
 *
 * @throws ChanceryError ERR_CLI_USAGE if the text is anything else, or longer than 30 days.
 */
export function parseDuration(input: string): number {
  const match = /^(\d{1,9})(ms|s|m|h)?$/.exec(input)
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 0
  const milliseconds = Number(match?.[1]) * unit
  if (match === null || milliseconds > 30 * 24 * 3_600_000) {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      `expected a duration such as 90s, 5m or 2h, found "${input}"`,
    )
  }
  return milliseconds
}

/**
 * Reads `64MiB`, `512KiB`, `1GiB` or a number of bytes.
 *
 * @param minimum In bytes, as `maximum`; whole MiB.
 * @throws ChanceryError ERR_CLI_USAGE if the text is anything else, or not within the bounds.
 */
export function parseSize(input: string, minimum: number, maximum: number): number {
  const match = /^(\d{1,12})(KiB|MiB|GiB)?$/.exec(input)
  const exponent = ['', 'KiB', 'MiB', 'GiB'].indexOf(match?.[2] ?? '')
  const bytes = Number(match?.[1]) * 1024 ** exponent
  if (match !== null && bytes >= minimum && bytes <= maximum) return bytes
  const [least, most] = [minimum, maximum].map((bound) => `${bound / 1024 ** 2}MiB`)
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    `expected a size such as 64MiB, between ${least} and ${most}, found "${input}"`,
  )
}

/**
 * Reads `name=value` arguments into one object; the value may hold further `=`.
 *
 * @throws ChanceryError ERR_CLI_USAGE if one has no `=`, no name, or a name that came before.
 */
export function parseAssignments(inputs: readonly string[]): Readonly<Record<string, string>> {
  const values = new Map<string, string>()
  for (const input of inputs) {
    const at = input.indexOf('=')
    const name = input.slice(0, at)
    if (at < 1) throw new ChanceryError('ERR_CLI_USAGE', `expected name=value, found "${input}"`)
    if (values.has(name)) throw new ChanceryError('ERR_CLI_USAGE', `expected ${name} once`)
    values.set(name, input.slice(at + 1))
  }
  return Object.fromEntries(values)
}

/** The brief line and the long text of a command: what it does, then examples to copy. */
export function explain(
  brief: string,
  description: string,
  ...examples: readonly string[]
): { brief: string; fullDescription: string } {
  const lines = examples.map((example) => `  ${example}`).join('\n')
  return { brief, fullDescription: `${description}\n\nEXAMPLES\n${lines}` }
}
