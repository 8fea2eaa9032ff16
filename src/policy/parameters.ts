import { ChanceryError } from '../errors/chancery-error.ts'
import type { ParameterDefinition } from './artifact-configuration.ts'
import { suggestNames } from './configuration-language.ts'
import { shorten } from './configuration-xml.ts'

const MAX_VALUE_UNITS = 1000

/**
 * The value of every parameter of an artifact configuration in one request: as given, else its default.
 *
 * @param given Values by name, as the request brought them; at most 1,000 UTF-16 units each, no control characters.
 * @throws ChanceryError ERR_POLICY_PARAMETER if there is a value without a parameter, or a required parameter
 *   without a value.
 */
export function resolveParameters(
  definitions: readonly ParameterDefinition[],
  given: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const { name, defaultValue, isRequired } of definitions) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (isRequired && (value === undefined || value === '')) {
      throw parameterError(name, `the parameter ${name} is required and has no value`)
    }
    if (value !== undefined) refuseUnprintable(name, value)
    values.set(name, value ?? defaultValue)
  }
  for (const name of Object.keys(given)) {
    if (!values.has(name)) throw unknownParameter(name, [...values.keys()])
  }
  return values
}

function refuseUnprintable(name: string, value: string): void {
  if (value.length > MAX_VALUE_UNITS || /\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw parameterError(
      name,
      `the parameter ${name}: expected at most ${MAX_VALUE_UNITS} characters without control characters`,
    )
  }
}

function unknownParameter(name: string, known: readonly string[]): ChanceryError {
  const list = known.length === 0 ? 'no parameters' : known.join(', ')
  const close = suggestNames(name, known)
  return parameterError(
    shorten(name),
    `there is no parameter ${shorten(name)}; the artifact configuration has: ${list}`,
    close.length === 0 ? [] : [`did you mean ${close.join(' or ')}? names are case-sensitive`],
  )
}

function parameterError(
  name: string,
  message: string,
  hints: readonly string[] = [],
): ChanceryError {
  return new ChanceryError('ERR_POLICY_PARAMETER', message, { hints, field: `Parameters.${name}` })
}
