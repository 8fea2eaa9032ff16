import type { Glob } from '../format/glob.ts'
import {
  DIRECTORY_PATH,
  FILE_NAME_REFERENCE,
  FILE_PATH,
  HASH_ALGORITHM,
  MAX_MATCHES,
  MIN_MATCHES,
  OUTPUT_FILE_NAME,
  ROOT_PATH,
  RSA_PADDING,
  isParameterName,
  parseAttribute,
  type Attribute,
  type AttributeKind,
  type ElementPlace,
} from './configuration-attribute.ts'
import { SUPPORTED_ELEMENTS, UNSUPPORTED_ELEMENTS, suggestNames } from './configuration-language.ts'
import {
  configurationError,
  parseConfigurationXml,
  shorten,
  type XmlElement,
} from './configuration-xml.ts'

/** A value that comes with each signing request. */
export interface ParameterDefinition {
  /** Case-sensitive. */
  readonly name: string
  /** Used where a request gives no value. */
  readonly defaultValue: string
  /** Whether every request has to give a value that is not empty, default or not. */
  readonly isRequired: boolean
}

/** One `path` with the number of items it has to match. */
export interface Inclusion {
  readonly place: ElementPlace
  readonly path: Attribute<Glob>
  readonly minMatches: Attribute<number>
  /** `Infinity` is `unbounded`. */
  readonly maxMatches: Attribute<number>
}

/** `create-raw-signature`: a detached signature over the bytes of a file, in a new file beside it. */
export interface RawSignatureDirective {
  readonly place: ElementPlace
  readonly outputFileName: Attribute<string>
  readonly hashAlgorithm: Attribute<'sha256' | 'sha384' | 'sha512'>
  /** What RSA keys need; without meaning for others. */
  readonly rsaPadding?: Attribute<'pkcs1' | 'pss'>
}

/** A `file`, or a `file-set` with what it does to each file. */
export interface FileElement {
  readonly kind: 'file'
  readonly inclusions: readonly Inclusion[]
  readonly directives: readonly RawSignatureDirective[]
}

/** A `directory`, or a `directory-set` with what it does in each directory. */
export interface DirectoryElement {
  readonly kind: 'directory'
  readonly inclusions: readonly Inclusion[]
  readonly contents: readonly ContentElement[]
}

/** What may stand in a container. */
export type ContentElement = FileElement | DirectoryElement

/** The root `zip-file`. */
export interface ZipFileElement {
  readonly place: ElementPlace
  /** Restricts the name of the submitted file. */
  readonly path?: Attribute<Glob>
  readonly contents: readonly ContentElement[]
}

/** A parsed artifact configuration. */
export interface ArtifactConfigurationModel {
  readonly parameters: readonly ParameterDefinition[]
  readonly root: ZipFileElement
}

/**
 * Reads an artifact configuration in SignPath's language.
 *
 * The root is a `zip-file` with `file`, `directory`, `file-set` and `directory-set`; files are signed by
 * `create-raw-signature`. What else SignPath's language has is refused by name, and so is a configuration that
 * signs nothing.
 *
 * @throws ChanceryError ERR_POLICY_CONFIGURATION if it is anything else; the message names line, column, the element
 *   and what was expected.
 * Source: SignPath documentation, "Artifact configuration"; namespace `http://signpath.io/artifact-configuration/v1`.
 */
export function parseArtifactConfiguration(xml: string): ArtifactConfigurationModel {
  const document = parseConfigurationXml(xml)
  if (document.name !== 'artifact-configuration') {
    throw configurationError(document, 'expected the root element artifact-configuration')
  }
  refuseUnknownAttributes(document, [])
  const [first, ...others] = document.children
  const hasParameters = first?.name === 'parameters'
  const parameters = hasParameters ? parseParameters(first) : []
  const [root, surplus] = hasParameters ? others : document.children
  if (root === undefined) {
    throw configurationError(document, 'expected one file element, <zip-file>, found none')
  }
  if (root.name !== 'zip-file') throw rootError(root)
  if (surplus !== undefined) {
    const problem =
      surplus.name === 'parameters'
        ? 'expected the parameters before the file element'
        : 'expected exactly one file element in artifact-configuration'
    throw configurationError(surplus, problem)
  }
  const reader = new ConfigurationReader(new Set(parameters.map((parameter) => parameter.name)))
  return { parameters, root: reader.readRoot(root) }
}

function rootError(root: XmlElement): Error {
  if (root.name === 'file') {
    return configurationError(
      root,
      'expected <zip-file> as the file element: a detached signature is added beside its file',
      ['put the <file> into a <zip-file> and submit a ZIP that holds the file'],
    )
  }
  return unexpectedElement(root, 'artifact-configuration', ['zip-file'])
}

/** An element that may not stand where it stands, with what is known about it. */
function unexpectedElement(
  element: XmlElement,
  parent: string,
  expected: readonly string[],
): Error {
  const list =
    expected.length === 0 ? 'no elements' : expected.map((name) => `<${name}>`).join(', ')
  if (UNSUPPORTED_ELEMENTS.has(element.name)) {
    return configurationError(
      element,
      `SignPath has <${element.name}>, Chancery does not (yet); expected in <${parent}>: ${list}`,
    )
  }
  if (element.name.startsWith('zip-file') && SUPPORTED_ELEMENTS.has(element.name)) {
    return configurationError(
      element,
      `SignPath signs inside nested ZIP files, Chancery does not (yet); expected in <${parent}>: ${list}`,
      ['a nested ZIP file can be signed as a whole: name it in a <file>'],
    )
  }
  if (element.name === 'create-raw-signature') {
    return configurationError(
      element,
      `expected in <file>, or in <for-each> of <file-set>, inside <zip-file>; found in <${parent}>`,
    )
  }
  if (SUPPORTED_ELEMENTS.has(element.name)) {
    return configurationError(element, `not allowed in <${parent}>; expected: ${list}`)
  }
  return configurationError(
    element,
    `unknown element in <${parent}>; expected: ${list}`,
    didYouMean(element.name, expected.length > 0 ? expected : SUPPORTED_ELEMENTS),
  )
}

function didYouMean(unknown: string, known: Iterable<string>): readonly string[] {
  const names = suggestNames(unknown, known)
  return names.length === 0 ? [] : [`did you mean ${names.join(' or ')}?`]
}

function refuseUnknownAttributes(element: XmlElement, known: readonly string[]): void {
  for (const name of element.attributes.keys()) {
    if (known.includes(name)) continue
    const list = known.length === 0 ? 'none' : known.join(', ')
    throw configurationError(
      element,
      `unknown attribute ${shorten(name)}; expected: ${list}`,
      didYouMean(name, known),
    )
  }
}

function refuseChildren(element: XmlElement): void {
  const [child] = element.children
  if (child !== undefined) throw unexpectedElement(child, element.name, [])
}

function placeOf(element: XmlElement): ElementPlace {
  return { name: element.name, line: element.line, column: element.column }
}

function requiredAttribute(element: XmlElement, name: string): string {
  const text = element.attributes.get(name)
  if (text === undefined) throw configurationError(element, `expected the attribute ${name}`)
  return text
}

function parseParameters(element: XmlElement): readonly ParameterDefinition[] {
  refuseUnknownAttributes(element, [])
  const names = new Set<string>()
  return element.children.map((child) => {
    if (child.name !== 'parameter') throw unexpectedElement(child, element.name, ['parameter'])
    const definition = parseParameter(child)
    if (names.has(definition.name)) {
      throw configurationError(child, `there are two parameters with the name ${definition.name}`)
    }
    names.add(definition.name)
    return definition
  })
}

function parseParameter(element: XmlElement): ParameterDefinition {
  refuseUnknownAttributes(element, ['name', 'default-value', 'required'])
  refuseChildren(element)
  const name = requiredAttribute(element, 'name')
  if (!isParameterName(name)) {
    throw configurationError(
      element,
      `name="${shorten(name)}": expected 1 to 100 ASCII letters, digits, ".", "-" and "_"`,
    )
  }
  if (name === FILE_NAME_REFERENCE) {
    throw configurationError(element, `expected another name: \${${name}} is the name of a file`)
  }
  const defaultValue = element.attributes.get('default-value') ?? ''
  if (defaultValue.trim() !== defaultValue) {
    throw configurationError(element, 'default-value: expected no white space around the value')
  }
  if (defaultValue.includes('${')) {
    throw configurationError(element, 'default-value: expected a value without references')
  }
  const required = element.attributes.get('required') ?? 'false'
  if (required !== 'true' && required !== 'false') {
    throw configurationError(element, `required="${shorten(required)}": expected true or false`)
  }
  return { name, defaultValue, isRequired: required === 'true' }
}

const MATCHES = ['min-matches', 'max-matches'] as const
const INCLUSION = ['path', ...MATCHES]
const CONTENTS = ['file', 'directory', 'file-set', 'directory-set']

class ConfigurationReader {
  readonly #declared: ReadonlySet<string>
  #directives = 0

  constructor(declared: ReadonlySet<string>) {
    this.#declared = declared
  }

  readRoot(element: XmlElement): ZipFileElement {
    // SignPath's browser upload reads `ui-multifile-upload`; it says nothing about the artifact.
    refuseUnknownAttributes(element, ['path', 'ui-multifile-upload'])
    const path = this.#optional(element, 'path', ROOT_PATH)
    const contents = this.#readContents(element)
    if (this.#directives === 0) {
      throw configurationError(
        element,
        'expected a <create-raw-signature>: nothing would be signed',
      )
    }
    return { place: placeOf(element), contents, ...(path === undefined ? {} : { path }) }
  }

  #readContents(element: XmlElement): readonly ContentElement[] {
    return element.children.map((child) => {
      switch (child.name) {
        case 'file':
          refuseUnknownAttributes(child, INCLUSION)
          return {
            kind: 'file',
            inclusions: [this.#readInclusion(child, FILE_PATH, undefined)],
            directives: this.#readDirectives(child),
          }
        case 'directory':
          refuseUnknownAttributes(child, INCLUSION)
          return {
            kind: 'directory',
            inclusions: [this.#readInclusion(child, DIRECTORY_PATH, undefined)],
            contents: this.#readContents(child),
          }
        case 'file-set': {
          const { inclusions, forEach } = this.#readSet(child, FILE_PATH)
          const directives = forEach === undefined ? [] : this.#readDirectives(forEach)
          return { kind: 'file', inclusions, directives }
        }
        case 'directory-set': {
          const { inclusions, forEach } = this.#readSet(child, DIRECTORY_PATH)
          const contents = forEach === undefined ? [] : this.#readContents(forEach)
          return { kind: 'directory', inclusions, contents }
        }
        default:
          throw unexpectedElement(child, element.name, CONTENTS)
      }
    })
  }

  #readSet(
    element: XmlElement,
    path: AttributeKind<Glob>,
  ): { inclusions: readonly Inclusion[]; forEach: XmlElement | undefined } {
    refuseUnknownAttributes(element, MATCHES)
    const inclusions: Inclusion[] = []
    let forEach: XmlElement | undefined
    for (const child of element.children) {
      if (forEach !== undefined) {
        throw configurationError(child, `expected <for-each> once, at the end of <${element.name}>`)
      }
      if (child.name === 'include') {
        refuseUnknownAttributes(child, INCLUSION)
        refuseChildren(child)
        inclusions.push(this.#readInclusion(child, path, element))
      } else if (child.name === 'for-each') {
        refuseUnknownAttributes(child, [])
        forEach = child
      } else {
        throw unexpectedElement(child, element.name, ['include', 'for-each'])
      }
    }
    if (inclusions.length === 0) {
      throw configurationError(element, 'expected at least one <include>')
    }
    return { inclusions, forEach }
  }

  /** @param set The set around an `include`; its attributes hold where the include has none. */
  #readInclusion(
    element: XmlElement,
    pathKind: AttributeKind<Glob>,
    set: XmlElement | undefined,
  ): Inclusion {
    const path = this.#parse(element, 'path', requiredAttribute(element, 'path'), pathKind)
    const read = (name: (typeof MATCHES)[number], kind: AttributeKind<number>) =>
      this.#optional(element, name, kind) ??
      (set === undefined ? undefined : this.#optional(set, name, kind)) ?? { value: 1 }
    const minMatches = read('min-matches', MIN_MATCHES)
    const maxMatches = read('max-matches', MAX_MATCHES)
    if (
      'value' in minMatches &&
      'value' in maxMatches &&
      (minMatches.value > maxMatches.value || maxMatches.value === 0)
    ) {
      throw configurationError(
        element,
        `expected max-matches of at least 1 and min-matches (${minMatches.value}), ` +
          `found ${maxMatches.value}; both are 1 where not given`,
      )
    }
    return { place: placeOf(element), path, minMatches, maxMatches }
  }

  #readDirectives(element: XmlElement): readonly RawSignatureDirective[] {
    return element.children.map((child) => {
      if (child.name !== 'create-raw-signature') {
        throw unexpectedElement(child, element.name, ['create-raw-signature'])
      }
      if (child.attributes.has('file-name')) {
        throw configurationError(child, 'unknown attribute file-name; expected output-file-name', [
          'rename file-name to output-file-name, as SignPath did',
        ])
      }
      refuseUnknownAttributes(child, ['output-file-name', 'hash-algorithm', 'rsa-padding'])
      refuseChildren(child)
      this.#directives += 1
      const rsaPadding = this.#optional(child, 'rsa-padding', RSA_PADDING)
      return {
        place: placeOf(child),
        outputFileName: this.#required(child, 'output-file-name', OUTPUT_FILE_NAME),
        hashAlgorithm: this.#required(child, 'hash-algorithm', HASH_ALGORITHM),
        ...(rsaPadding === undefined ? {} : { rsaPadding }),
      }
    })
  }

  #parse<T>(element: XmlElement, name: string, text: string, kind: AttributeKind<T>): Attribute<T> {
    return parseAttribute(element, name, text, kind, this.#declared)
  }

  #required<T>(element: XmlElement, name: string, kind: AttributeKind<T>): Attribute<T> {
    return this.#parse(element, name, requiredAttribute(element, name), kind)
  }

  #optional<T>(
    element: XmlElement,
    name: string,
    kind: AttributeKind<T>,
  ): Attribute<T> | undefined {
    const text = element.attributes.get(name)
    return text === undefined ? undefined : this.#parse(element, name, text, kind)
  }
}
