import { ChanceryError } from '../errors/chancery-error.ts'
import { parseGlob, type Glob } from '../format/glob.ts'
import {
  configurationError,
  shorten,
  type XmlElement,
  type XmlPosition,
} from './configuration-xml.ts'

/** An element's name and position, for messages. */
export interface ElementPlace extends XmlPosition {
  readonly name: string
}

/** Text with references, in order: a string is literal, an object stands for a parameter's value. */
export type TextTemplate = readonly (string | { readonly parameter: string })[]

/** An attribute: its value, or, where it has `${…}` references, the text the value is made from with every request. */
export type Attribute<T> = { readonly value: T } | { readonly template: TextTemplate }

/** The reference to the name of the file a directive stands in. */
export const FILE_NAME_REFERENCE = 'file.name'

/** How the text of an attribute becomes its value. */
export interface AttributeKind<T> {
  /** @param refuse Throws; takes what was expected. */
  readonly parse: (text: string, refuse: (expected: string) => never) => T
  /** A path pattern: what a parameter brings in stands for itself there, never for a wildcard. */
  readonly isPattern: boolean
  /** Whether `${file.name}` may occur. */
  readonly hasFileName: boolean
}

function plain<T>(parse: AttributeKind<T>['parse']): AttributeKind<T> {
  return { parse, isPattern: false, hasFileName: false }
}

function pattern(check: (glob: Glob) => string | undefined): AttributeKind<Glob> {
  return {
    parse: (text, refuse) => {
      const glob = parsePattern(text, refuse)
      const expected = check(glob)
      return expected === undefined ? glob : refuse(expected)
    },
    isPattern: true,
    hasFileName: false,
  }
}

function parsePattern(text: string, refuse: (expected: string) => never): Glob {
  try {
    return parseGlob(text)
  } catch (error) {
    if (error instanceof ChanceryError) return refuse(error.message.replace(/^.*?: expected /, ''))
    throw error
  }
}

/** `path` of directories: relative to the element around it; `.` is the container itself. */
export const DIRECTORY_PATH: AttributeKind<Glob> = pattern(() => undefined)

/** `path` of files: relative to the element around it. */
export const FILE_PATH: AttributeKind<Glob> = pattern((glob) =>
  glob.segments.length === 0 ? 'the path of a file; "." is the container itself' : undefined,
)

/** `path` of the root: restricts the name of the uploaded file. */
export const ROOT_PATH: AttributeKind<Glob> = pattern((glob) =>
  glob.segments.length === 1 && glob.segments[0] !== '**'
    ? undefined
    : 'a file name without directories: the root path restricts the name of the submitted file',
)

function count(text: string, refuse: (expected: string) => never, words: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse(words)
}

/** `min-matches`: a whole number. */
export const MIN_MATCHES: AttributeKind<number> = plain((text, refuse) =>
  count(text, refuse, 'a whole number'),
)

/** `max-matches`: a whole number, or `unbounded`, which is `Infinity` here. */
export const MAX_MATCHES: AttributeKind<number> = plain((text, refuse) =>
  text === 'unbounded' ? Infinity : count(text, refuse, 'a whole number or unbounded'),
)

/** `hash-algorithm`. */
export const HASH_ALGORITHM: AttributeKind<'sha256' | 'sha384' | 'sha512'> = plain(
  (text, refuse) =>
    text === 'sha256' || text === 'sha384' || text === 'sha512'
      ? text
      : refuse('sha256, sha384 or sha512'),
)

/** `rsa-padding`: RSASSA-PKCS1-v1_5 or RSASSA-PSS (RFC 8017). */
export const RSA_PADDING: AttributeKind<'pkcs1' | 'pss'> = plain((text, refuse) =>
  text === 'pkcs1' || text === 'pss' ? text : refuse('pkcs1 or pss'),
)

/** `output-file-name`: one path segment beside the source, at most 260 characters. */
export const OUTPUT_FILE_NAME: AttributeKind<string> = {
  parse: (text, refuse) =>
    isPlainFileName(text)
      ? text
      : refuse('a file name of 1 to 260 characters without / \\ and control characters'),
  isPattern: false,
  hasFileName: true,
}

/** True for a name that stays in its directory: one segment, 1 to 260 characters, not `.` or `..`, nothing unprintable. */
export function isPlainFileName(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 260 &&
    text !== '.' &&
    text !== '..' &&
    !/[/\\\p{Cc}]/u.test(text) &&
    text.isWellFormed()
  )
}

/**
 * Reads an attribute; without references its value is known at once.
 *
 * @param declared The names of the configuration's parameters.
 * @throws ChanceryError ERR_POLICY_CONFIGURATION if it is malformed or refers to something unknown.
 */
export function parseAttribute<T>(
  element: XmlElement,
  name: string,
  text: string,
  kind: AttributeKind<T>,
  declared: ReadonlySet<string>,
): Attribute<T> {
  const refuse = (expected: string): never => {
    throw configurationError(element, `${name}="${shorten(text)}": expected ${expected}`)
  }
  const template = parseTemplate(text, refuse)
  for (const part of template) {
    if (typeof part === 'string' || declared.has(part.parameter)) continue
    if (part.parameter === FILE_NAME_REFERENCE) {
      if (!kind.hasFileName)
        refuse('no ${file.name}: there is no file yet; it works in output-file-name')
      continue
    }
    const known = [...declared, ...(kind.hasFileName ? [FILE_NAME_REFERENCE] : [])]
    refuse(
      `a declared parameter in \${${part.parameter}}; declared are: ${known.join(', ') || 'none'}`,
    )
  }
  if (template.every((part) => typeof part === 'string')) return { value: kind.parse(text, refuse) }
  if (kind.isPattern) refuseReferencesInSets(template, refuse)
  // A stand-in shows what no value could mend: a directory in an output file name, a malformed pattern.
  if (kind.isPattern || kind.hasFileName)
    kind.parse(
      substitute(template, kind, () => 'x'),
      refuse,
    )
  return { template }
}

function parseTemplate(text: string, refuse: (expected: string) => never): TextTemplate {
  const template: (string | { readonly parameter: string })[] = []
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('${', at)
    if (open < 0) break
    const close = text.indexOf('}', open)
    const parameter = text.slice(open + 2, close)
    if (close < 0 || !isParameterName(parameter)) {
      return refuse('"${" to be followed by a parameter name and "}"')
    }
    if (open > at) template.push(text.slice(at, open))
    template.push({ parameter })
    at = close + 1
  }
  if (at < text.length) template.push(text.slice(at))
  return template
}

/** True for ASCII letters, digits, `.`, `-` and `_`; 1 to 100 of them. */
export function isParameterName(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(text)
}

/** Inside `[…]` a value could make ranges and negations; there is no way to write it so that it stands for itself. */
function refuseReferencesInSets(template: TextTemplate, refuse: (expected: string) => never): void {
  // A set is open from its `[` to the first `]` that is not its first member: `[]]` and `[!]]` are sets of one.
  let opening = ''
  for (const part of template) {
    if (typeof part !== 'string') {
      if (opening !== '') refuse('no reference inside "[…]"')
      continue
    }
    for (const character of part) {
      if (opening === '') opening = character === '[' ? '[' : ''
      else if (character === ']' && opening !== '[' && opening !== '[!') opening = ''
      else opening += character
    }
  }
}

/**
 * The value of an attribute in one request. References are replaced once and literally: a value is never read for
 * references again, and its wildcards stand for themselves.
 *
 * @param valueOf The value of a declared parameter or `file.name`.
 * @throws ChanceryError ERR_POLICY_PARAMETER if the result is not a value of the attribute.
 */
export function resolveAttribute<T>(
  place: ElementPlace,
  name: string,
  attribute: Attribute<T>,
  kind: AttributeKind<T>,
  valueOf: (parameter: string) => string,
): T {
  if ('value' in attribute) return attribute.value
  const text = substitute(attribute.template, kind, valueOf)
  return kind.parse(text, (expected) => {
    throw new ChanceryError(
      'ERR_POLICY_PARAMETER',
      `${name} of <${place.name}> in line ${place.line} became "${shorten(text)}" with the given parameters; ` +
        `expected ${expected}`,
      { field: 'parameters' },
    )
  })
}

function substitute(
  template: TextTemplate,
  kind: { readonly isPattern: boolean },
  valueOf: (parameter: string) => string,
): string {
  let text = ''
  for (const part of template) {
    if (typeof part !== 'string') {
      const value = valueOf(part.parameter)
      text += kind.isPattern ? value.replace(/[*?[]/g, '[$&]') : value
    } else if (kind.isPattern && text.endsWith('*') && part.startsWith('*')) {
      // An empty value between two `*` must not make a `**`, which crosses directories.
      text += part.slice(1)
    } else {
      text += part
    }
  }
  return text
}
