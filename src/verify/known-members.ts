import { ChanceryError } from '../errors/chancery-error.ts'

/**
 * Makes sure that what a caller expects is all known here and has values: a name that is written wrong, or a variable that is
 * not set, would else expect nothing.
 *
 * @param value What the caller gave; its members are optional.
 * @param names All members that it may have.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION if it has another member, or one that is undefined.
 */
export function requireKnownMembers(value: object, names: readonly string[]): void {
  for (const [name, member] of Object.entries(value)) {
    if (!names.includes(name)) {
      throw expectationError(name, `no members but ${names.join(', ')}; found "${name}"`)
    }
    if (member === undefined) {
      throw expectationError(name, `"${name}" to have a value, or to be left out`)
    }
  }
}

function expectationError(field: string, expected: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_EXPECTATION', `expected ${expected}`, { field })
}
