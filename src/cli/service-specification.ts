import { ChanceryError } from '../errors/chancery-error.ts'
import type { ValidityPeriod } from '../format/trusted-root.ts'
import { parseAssignments } from './flags.ts'

/** A service as Cosign's flags describe it: `url=…,certificate-chain=…` or `url=…,public-key=…,start-time=…[,origin=…]`. */
export interface ServiceSpecification {
  readonly url: string
  /** The file with its certificates or its key. */
  readonly file: string
  readonly validFor: ValidityPeriod
  /** What a log calls itself in its checkpoints, where that was said. */
  readonly origin?: string | undefined
}

/**
 * Reads the value of a flag such as Cosign's `--fulcio`.
 *
 * @param fileKey Which file it has to name. A service that is known by a key needs a `start-time`: a key does not say since
 *   when it is used.
 * @throws ChanceryError ERR_CLI_USAGE if something is missing, unknown, or no address or time.
 */
export function parseServiceSpecification(
  input: string,
  fileKey: 'certificate-chain' | 'public-key',
): ServiceSpecification {
  const values = parseAssignments(input.split(','))
  const isLog = fileKey === 'public-key'
  const known = ['url', fileKey, 'start-time', 'end-time', ...(isLog ? ['origin'] : [])]
  const unknown = Object.keys(values).find((name) => !known.includes(name))
  if (unknown !== undefined) throw usage(`expected ${known.join(', ')}, found ${unknown}`)
  const url = requireUrl(values['url'] ?? '')
  const file = values[fileKey] ?? ''
  if (file === '') throw usage(`expected ${fileKey}=FILE in "${input}"`)
  const start = parseTime(values['start-time'])
  const end = parseTime(values['end-time'])
  if (start === undefined && isLog) {
    throw usage(`expected start-time=… in "${input}": since when the key is used`)
  }
  if (start !== undefined && end !== undefined && end < start) {
    throw usage(`expected an end-time after the start-time in "${input}"`)
  }
  const { origin } = values
  if (origin !== undefined && !/^[!-*,-~]{1,255}$/.test(origin)) {
    throw usage('expected origin=… to be the name of a log, without blanks and +')
  }
  return { url, file, validFor: { start, end }, origin }
}

/**
 * The address of a service.
 *
 * @throws ChanceryError ERR_CLI_USAGE if it is no http or https URL, longer than 2,048 characters, or has a password in it.
 */
export function requireUrl(text: string): string {
  const url = URL.canParse(text) && text.length <= 2048 ? new URL(text) : undefined
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (isWeb && url.username === '' && url.password === '') return text
  throw usage('expected url=… to be an http or https address without a user')
}

function parseTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  // The comparison refuses days such as 31 February, which Date would move.
  const isInstant =
    !Number.isNaN(time.getTime()) && time.toISOString().replace('.000Z', 'Z') === text
  if (isInstant) return time
  throw usage(`expected a time such as 2026-12-31T23:59:59Z, found "${text}"`)
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}
