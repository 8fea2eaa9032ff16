import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { isGuid, NIL_GUID } from '../format/guid.ts'
import { Guid } from '../wire/shapes.ts'
import { FieldErrors } from './field-errors.ts'

/** Turns what a client sent into a value of a wire schema, or throws ERR_HTTP_INVALID with a message for each field. */
export type Binder<T> = (value: unknown) => T

/** The members of JSON Schema that the wire schemas use. */
export interface JsonSchema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly const?: string | number | boolean
  readonly pattern?: string
  readonly description?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
}

/** A schema prepared for folding: which member a name in any case means, and what is inside it. */
interface Shape {
  readonly members?: ReadonlyMap<string, Member>
  readonly items?: Items
  readonly isGuid: boolean
  readonly scalar: 'integer' | 'boolean' | 'other'
}

/** What an array holds. The limits are held before anything else looks at the items: the client chose how many there are. */
interface Items {
  readonly shape: Shape
  readonly atMost: number
  readonly areUnique: boolean
  /** For an error. */
  readonly expected: string
}

interface Member {
  readonly name: string
  readonly shape: Shape
  readonly isOptional: boolean
  readonly acceptsNull: boolean
}

const GUID_PATTERN = (Guid as JsonSchema).pattern

/** An unknown name is the client's own text: it is shown back, but not at any length. */
const MAX_NAME_SHOWN = 100

/** How texts become values: JSON has types of its own, forms and query strings have only texts. */
type Source = 'json' | 'text'

/**
 * Binds JSON: member names in any case (SignPath's documentation writes camelCase, its older clients PascalCase),
 * GUIDs in any of .NET's forms, `null` for an absent member. Unknown members and members that differ only in case
 * are refused by name.
 */
export function jsonBinder<Schema extends TSchema>(schema: Schema): Binder<Static<Schema>> {
  return binder(schema, 'json')
}

/**
 * Binds the texts of a form or a query string as {@link jsonBinder} binds JSON. Integers and booleans are read from
 * their text, and an empty text stands for an absent optional member, as in ASP.NET.
 */
export function textBinder<Schema extends TSchema>(schema: Schema): Binder<Static<Schema>> {
  return binder(schema, 'text')
}

function binder<Schema extends TSchema>(schema: Schema, source: Source): Binder<Static<Schema>> {
  const shape = shapeOf(schema)
  const validator = Compile(schema)
  return (value) => {
    const errors = new FieldErrors()
    const folded = fold(value, shape, source, '', errors)
    if (!validator.Check(folded)) {
      for (const error of validator.Errors(folded)) {
        explain(error, schema, folded, errors)
      }
    }
    errors.throwIfAny()
    return folded as Static<Schema>
  }
}

function shapeOf(schema: JsonSchema): Shape {
  const scalar = schema.type === 'integer' || schema.type === 'boolean' ? schema.type : 'other'
  const isGuidShape =
    schema.pattern === GUID_PATTERN ||
    schema.anyOf?.some((option) => option.pattern === GUID_PATTERN) === true
  const shape = { isGuid: isGuidShape, scalar } as const
  if (schema.items !== undefined) return { ...shape, items: itemsOf(schema, schema.items) }
  if (schema.properties === undefined) return shape
  const required = new Set(schema.required)
  const members = new Map<string, Member>()
  for (const [name, member] of Object.entries(schema.properties)) {
    members.set(name.toLowerCase(), {
      name,
      shape: shapeOf(member),
      isOptional: !required.has(name),
      acceptsNull: acceptsNull(member),
    })
  }
  return { ...shape, members }
}

function itemsOf(schema: JsonSchema, item: JsonSchema): Items {
  if (schema.maxItems === undefined) throw new Error('an array that clients send needs maxItems')
  return {
    shape: shapeOf(item),
    atMost: schema.maxItems,
    areUnique: schema.uniqueItems === true,
    expected: describeSchema(schema),
  }
}

function acceptsNull(schema: JsonSchema): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some(acceptsNull)
  return schema.type === 'null' || schema.type === undefined
}

function fold(
  value: unknown,
  shape: Shape,
  source: Source,
  path: string,
  errors: FieldErrors,
): unknown {
  if (typeof value === 'string') {
    if (shape.isGuid) return canonicalGuid(value)
    return source === 'text' ? readScalar(value, shape.scalar) : value
  }
  if (Array.isArray(value)) {
    return shape.items === undefined ? value : foldItems(value, shape.items, source, path, errors)
  }
  if (typeof value !== 'object' || value === null || shape.members === undefined) return value
  return foldMembers(value as Record<string, unknown>, shape.members, source, path, errors)
}

function foldItems(
  value: readonly unknown[],
  { shape, atMost, areUnique, expected }: Items,
  source: Source,
  path: string,
  errors: FieldErrors,
): readonly unknown[] {
  const folded =
    value.length > atMost
      ? []
      : value.map((item, index) => fold(item, shape, source, join(path, String(index)), errors))
  if (value.length > atMost || (areUnique && new Set(folded).size < folded.length)) {
    errors.add(path, `expected ${expected}, found ${describeValue(value)}`)
    return []
  }
  return folded
}

function foldMembers(
  value: Record<string, unknown>,
  members: ReadonlyMap<string, Member>,
  source: Source,
  path: string,
  errors: FieldErrors,
): Record<string, unknown> {
  const folded: Record<string, unknown> = {}
  for (const given of Object.keys(value)) {
    const member = members.get(given.toLowerCase())
    if (member === undefined) {
      errors.add(
        join(path, given.slice(0, MAX_NAME_SHOWN)),
        `expected one of ${listNames(members)}`,
      )
      if (errors.isFull) break
      continue
    }
    const { name, isOptional } = member
    if (Object.hasOwn(folded, name)) {
      errors.add(join(path, name), 'expected it once, found it in two spellings')
      continue
    }
    const content = value[given]
    const isAbsent =
      isOptional && (source === 'text' ? content === '' : content === null && !member.acceptsNull)
    if (!isAbsent) folded[name] = fold(content, member.shape, source, join(path, name), errors)
  }
  return folded
}

function listNames(members: ReadonlyMap<string, Member>): string {
  return Array.from(members.values(), ({ name }) => name).join(', ') || 'no members'
}

function readScalar(text: string, scalar: Shape['scalar']): unknown {
  if (scalar === 'integer' && /^-?[0-9]{1,15}$/.test(text)) return Number(text)
  if (scalar === 'boolean' && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return text
}

/**
 * A GUID as Chancery writes it, from any form that .NET's `Guid.Parse` reads without hexadecimal prefixes: upper or
 * lower case, in braces or parentheses, or 32 digits. Anything else, and the nil GUID, comes back as it is or empty,
 * which no schema accepts.
 */
export function canonicalGuid(text: string): string {
  if (isGuid(text) && text !== NIL_GUID) return text
  const match = /^(?:\{(.*)\}|\((.*)\)|(.*))$/.exec(text)
  const inner = (match?.[1] ?? match?.[2] ?? text).toLowerCase()
  const guid = /^[0-9a-f]{32}$/.test(inner)
    ? `${inner.slice(0, 8)}-${inner.slice(8, 12)}-${inner.slice(12, 16)}-${inner.slice(16, 20)}-${inner.slice(20)}`
    : inner
  if (guid === NIL_GUID) return ''
  return isGuid(guid) ? guid : text
}

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: object
}

function explain(
  error: SchemaError,
  schema: JsonSchema,
  value: unknown,
  errors: FieldErrors,
): void {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer)
  const field = path.join('.')
  if (error.keyword === 'required' && 'requiredProperties' in error.params) {
    for (const name of error.params.requiredProperties as readonly string[]) {
      errors.addFirst(join(field, name), `The ${pascalCase(join(field, name))} field is required.`)
    }
    return
  }
  const [expected, found] = descend(schema, value, path)
  errors.addFirst(field, `expected ${describeSchema(expected)}, found ${describeValue(found)}`)
}

function descend(
  schema: JsonSchema,
  value: unknown,
  path: readonly string[],
): [JsonSchema, unknown] {
  let expected = schema
  let found = value
  for (const step of path) {
    expected = expected.properties?.[step] ?? expected.items ?? {}
    found =
      typeof found === 'object' && found !== null
        ? (found as Record<string, unknown>)[step]
        : undefined
  }
  return [expected, found]
}

function describeSchema(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeSchema).join(' or ')
  if (schema.const !== undefined) return String(schema.const)
  if (schema.type === 'null') return 'null'
  if (schema.type === 'string') {
    const length = describeBounds(schema.minLength, schema.maxLength, ' characters')
    return (
      schema.description ??
      (schema.pattern === undefined ? `a text${length}` : `a text matching ${schema.pattern}`)
    )
  }
  if (schema.type === 'integer')
    return `an integer${describeBounds(schema.minimum, schema.maximum, '')}`
  if (schema.type === 'array')
    return `an array${describeBounds(undefined, schema.maxItems, ' different items')}`
  return schema.type === undefined ? 'another value' : `a value of type ${schema.type}`
}

function describeBounds(least: number | undefined, most: number | undefined, unit: string): string {
  if (most === undefined) return least === undefined ? '' : ` of at least ${least}${unit}`
  return ` of ${least ?? 0} to ${most}${unit}`
}

/** Never the value itself: it may be a secret in the wrong field. */
function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length} items`
  if (typeof value === 'string') return `a text of ${value.length} characters`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** A field's name as SignPath writes it in `errors`: `hashSigningData.hash` is `HashSigningData.Hash`. */
export function pascalCase(field: string): string {
  return field.replaceAll(
    /(^|\.)([a-z])/g,
    (_, dot: string, letter: string) => dot + letter.toUpperCase(),
  )
}
