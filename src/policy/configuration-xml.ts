import { SaxesParser, type SaxesTagNS } from 'saxes'
import { ChanceryError } from '../errors/chancery-error.ts'

/** The namespace of SignPath's artifact configurations, version 1. */
const CONFIGURATION_NAMESPACE = 'http://signpath.io/artifact-configuration/v1'

/** Elements in an artifact configuration: 10,000. */
export const MAX_ELEMENTS = 10_000
/** Nesting of elements: 32. */
export const MAX_DEPTH = 32
/** UTF-8 bytes of an artifact configuration: 1 MiB. */
export const MAX_XML_BYTES = 1_048_576

/** A place in the XML; both count from 1, columns in UTF-16 units. */
export interface XmlPosition {
  readonly line: number
  readonly column: number
}

/** An element of the configuration namespace; the position is that of its `<`. */
export interface XmlElement extends XmlPosition {
  /** Local name. */
  readonly name: string
  /** By name with prefix, without namespace declarations; in document order. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
}

const XMLNS = 'http://www.w3.org/2000/xmlns/'
const XML_SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
const WHITE_SPACE_ONLY = /^[ \t\r\n]*$/

/** An error in an artifact configuration: where, what was expected, what was found. */
export function configurationError(
  at: XmlPosition & { readonly name?: string },
  problem: string,
  hints: readonly string[] = [],
): ChanceryError {
  const element = at.name === undefined ? '' : ` <${shorten(at.name)}>:`
  return new ChanceryError(
    'ERR_POLICY_CONFIGURATION',
    `line ${at.line}, column ${at.column}:${element} ${problem}`,
    { hints, field: 'xml' },
  )
}

/** Names and values come from the XML: long ones are cut, control characters do not reach a terminal. */
export function shorten(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 77)}...` : text
  return cut.replace(/\p{C}/gu, '\uFFFD')
}

/**
 * Parses the XML of an artifact configuration into its elements.
 *
 * Well-formed XML 1.0 with namespaces; comments are skipped. There are no document types, processing instructions,
 * entities beyond the five predefined ones and character references, CDATA sections, text, or elements and
 * attributes of other namespaces (`xsi:schemaLocation` is skipped: editors write it).
 *
 * @param xml At most {@link MAX_XML_BYTES}, {@link MAX_ELEMENTS}, {@link MAX_DEPTH}.
 * @throws ChanceryError ERR_POLICY_CONFIGURATION if it is anything else; the message names line and column.
 * Source: XML 1.0 (fifth edition); Namespaces in XML 1.0 (third edition).
 */
export function parseConfigurationXml(xml: string): XmlElement {
  if (xml.length > MAX_XML_BYTES || Buffer.byteLength(xml) > MAX_XML_BYTES) {
    throw configurationError({ line: 1, column: 1 }, 'expected at most 1 MiB of XML')
  }
  return new ElementReader(xml).read()
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[]
}

class ElementReader {
  readonly #xml: string
  readonly #parser = new SaxesParser({ xmlns: true, position: false })
  readonly #open: OpenElement[] = []
  #root: XmlElement | undefined
  #count = 0
  #start: XmlPosition = { line: 1, column: 1 }
  #countedTo = 0
  #line = 1
  #lineStart = 0

  constructor(xml: string) {
    this.#xml = xml
    const parser = this.#parser
    parser.on('error', (error) => {
      throw configurationError(this.#here(), `expected well-formed XML: ${problemOf(error)}`)
    })
    parser.on('xmldecl', (declaration) => {
      if (declaration.version !== '1.0') this.#refuse('expected XML version 1.0')
      if (declaration.encoding !== undefined && !/^utf-8$/i.test(declaration.encoding)) {
        this.#refuse('expected the encoding utf-8')
      }
    })
    parser.on('doctype', () => this.#refuse('a document type (DTD) is not allowed'))
    parser.on('processinginstruction', () =>
      this.#refuse('a processing instruction is not allowed'),
    )
    parser.on('cdata', () => this.#refuse('expected elements, found a CDATA section'))
    parser.on('text', (text) => {
      if (!WHITE_SPACE_ONLY.test(text)) {
        this.#refuse(`expected elements, found the text '${shorten(text.trim())}'`)
      }
    })
    parser.on('opentagstart', (tag) => this.#startElement(tag.name))
    parser.on('opentag', (tag) => this.#openElement(tag))
    parser.on('closetag', () => {
      this.#open.pop()
    })
  }

  read(): XmlElement {
    this.#parser.write(this.#xml).close()
    if (this.#root === undefined) this.#refuse('expected the element artifact-configuration')
    return this.#root
  }

  #here(): XmlPosition {
    return { line: this.#parser.line, column: this.#parser.columnIndex + 1 }
  }

  #refuse(problem: string): never {
    throw configurationError(this.#here(), problem)
  }

  #startElement(name: string): void {
    // The parser is already behind the name; no `<` can stand between the two.
    this.#start = this.#positionAt(this.#xml.lastIndexOf('<', this.#parser.position - 1))
    const at = { ...this.#start, name }
    this.#count += 1
    if (this.#count > MAX_ELEMENTS) {
      throw configurationError(at, `expected at most ${MAX_ELEMENTS} elements`)
    }
    if (this.#open.length >= MAX_DEPTH) {
      throw configurationError(at, `expected at most ${MAX_DEPTH} levels of elements`)
    }
  }

  #openElement(tag: SaxesTagNS): void {
    const at = { ...this.#start, name: tag.local }
    if (tag.uri !== CONFIGURATION_NAMESPACE) {
      const found = tag.uri === '' ? 'no namespace' : `the namespace ${shorten(tag.uri)}`
      throw configurationError(
        at,
        `expected the namespace ${CONFIGURATION_NAMESPACE}, found ${found}`,
        [`write <artifact-configuration xmlns="${CONFIGURATION_NAMESPACE}">`],
      )
    }
    const attributes = new Map<string, string>()
    for (const attribute of Object.values(tag.attributes)) {
      if (attribute.uri === XMLNS || attribute.uri === XML_SCHEMA_INSTANCE) continue
      attributes.set(attribute.name, attribute.value)
    }
    const element: OpenElement = { ...at, attributes, children: [] }
    const parent = this.#open.at(-1)
    if (parent === undefined) this.#root = element
    else parent.children.push(element)
    this.#open.push(element)
  }

  /** Offsets only grow, so the lines are counted once over the whole text. */
  #positionAt(offset: number): XmlPosition {
    for (
      let next = this.#xml.indexOf('\n', this.#countedTo);
      next !== -1 && next < offset;
      next = this.#xml.indexOf('\n', next + 1)
    ) {
      this.#line += 1
      this.#lineStart = next + 1
    }
    this.#countedTo = offset
    return { line: this.#line, column: offset - this.#lineStart + 1 }
  }
}

/** The parser's own words. */
function problemOf(error: Error): string {
  return shorten(error.message.replace(/\.$/, ''))
}
