import { ChanceryError } from '../errors/chancery-error.ts'

const MAX_DEPTH = 64

/**
 * The one text of a value: no white space, members sorted by the UTF-16 units of their names, strings and numbers as
 * ECMAScript prints them. Equal values have equal texts, so the text can be hashed. Source: RFC 8785 (JCS), section 3.2.
 *
 * @param value Plain objects, arrays, strings, finite numbers, booleans and null, at most 64 levels deep.
 * @throws ChanceryError ERR_FORMAT_JSON for anything else: undefined, NaN, a class instance, a lone surrogate.
 */
export function canonicalJson(value: unknown): string {
  return isSorted(value, 0) ? JSON.stringify(value) : canonical(value, 0)
}

/**
 * Whether a value is JSON whose members are in order already, so that the engine's own printer gives its canonical text.
 * What this says no to is printed member by member, or refused.
 */
function isSorted(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed()
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      if (value === null) return true
      if (depth >= MAX_DEPTH) return false
      return Array.isArray(value)
        ? hasSortedElements(value, depth + 1)
        : hasSortedMembers(value, depth + 1)
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      return false
  }
}

function hasSortedElements(elements: readonly unknown[], depth: number): boolean {
  // Unlike every(), this also visits the holes of a sparse array, which are no JSON values.
  for (const element of elements) if (!isSorted(element, depth)) return false
  return true
}

function hasSortedMembers(value: object, depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  const members = value as Readonly<Record<string, unknown>>
  let before = ''
  for (const name of Object.keys(members)) {
    if (name < before || !name.isWellFormed() || !isSorted(members[name], depth)) return false
    before = name
  }
  return true
}

function canonical(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw notCanonical('a string with a lone surrogate')
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw notCanonical('a number that is not finite')
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (depth >= MAX_DEPTH) throw notCanonical(`more than ${MAX_DEPTH} levels of nesting`)
      return canonicalObject(value, depth + 1)
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      throw notCanonical(typeof value)
  }
}

function canonicalObject(value: object, depth: number): string {
  if (Array.isArray(value)) {
    const elements = Array.from(value, (element) => canonical(element, depth))
    return `[${elements.join(',')}]`
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw notCanonical('a class instance')
  const members = value as Readonly<Record<string, unknown>>
  let text = ''
  // The default order of sort() is that of UTF-16 units, as section 3.2.3 asks.
  for (const name of Object.keys(members).sort()) {
    text += `${text === '' ? '' : ','}${canonical(name, depth)}:${canonical(members[name], depth)}`
  }
  return `{${text}}`
}

function notCanonical(found: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_JSON', `expected a JSON value, found ${found}`)
}
