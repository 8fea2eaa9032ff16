import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml'
import { ChanceryError } from '../errors/chancery-error.ts'
import { closestWord } from './closest-word.ts'

const MAX_BYTES = 1024 * 1024

/**
 * A strict view of a YAML document: every key is asked for, so that one nobody asked for is an error, and every error
 * names line and column.
 */
export class YamlSource {
  readonly #fileName: string
  readonly #lines: LineCounter

  private constructor(fileName: string, lines: LineCounter) {
    this.#fileName = fileName
    this.#lines = lines
  }

  /**
   * Reads one YAML 1.2 document without aliases, anchors, tags or duplicate keys, at most 1 MiB.
   *
   * @param fileName For messages.
   * @throws ChanceryError ERR_CONFIG_YAML if the text is anything else, or its root is no mapping.
   */
  static read(text: string, fileName: string): YamlMapping {
    const { source, document } = YamlSource.#parse(text, fileName)
    return new YamlMapping(source, document.contents, '')
  }

  /**
   * Reads a document as {@link YamlSource.read} does, whatever its root is, as the value that it stands for.
   *
   * @throws ChanceryError ERR_CONFIG_YAML if the text is anything else, or a mapping has a key that is no text or is there
   * twice.
   */
  static readValue(text: string, fileName: string): unknown {
    const { source, document } = YamlSource.#parse(text, fileName)
    visit(document, {
      Map: (_, { items }) => {
        const keys = new Set<string>()
        for (const { key } of items) {
          const name = isScalar(key) ? key.value : undefined
          if (typeof name !== 'string') {
            throw source.error('expected a key that is a text', startOf(key))
          }
          if (keys.has(name)) {
            throw source.error(`expected each key once, found "${name}" again`, startOf(key))
          }
          keys.add(name)
        }
      },
    })
    return document.toJS({ maxAliasCount: 0 })
  }

  static #parse(
    text: string,
    fileName: string,
  ): { readonly source: YamlSource; readonly document: Document } {
    const lines = new LineCounter()
    const source = new YamlSource(fileName, lines)
    if (Buffer.byteLength(text) > MAX_BYTES) {
      throw source.error(`expected at most ${MAX_BYTES} bytes`, 0)
    }
    const document = parseDocument(text, {
      lineCounter: lines,
      version: '1.2',
      // Theirs takes time quadratic in the number of keys; YamlMapping has its own.
      uniqueKeys: false,
      strict: true,
      prettyErrors: false,
      logLevel: 'error',
    })
    const [problem] = [...document.errors, ...document.warnings]
    if (problem?.code === 'RESOURCE_EXHAUSTION') throw source.error('expected less nesting', 0)
    if (problem !== undefined) throw source.error(problem.message, problem.pos[0])
    visit(document, {
      Alias: (_, node) => {
        throw source.error('expected no alias (*): write the value out', startOf(node))
      },
      Node: (_, node) => {
        if (node.anchor !== undefined) {
          throw source.error('expected no anchor (&): write the value out', startOf(node))
        }
      },
    })
    return { source, document }
  }

  /** An error at an offset of the text. */
  error(message: string, offset: number, hints: readonly string[] = []): ChanceryError {
    const { line, col } = this.#lines.linePos(offset)
    const place = `${this.#fileName}:${Math.max(line, 1)}:${Math.max(col, 1)}`
    return new ChanceryError('ERR_CONFIG_YAML', `${place}: ${message}`, { hints })
  }
}

/** One mapping. Ask for its members, then call {@link YamlMapping.end}. */
export class YamlMapping {
  readonly #source: YamlSource
  readonly #map: YAMLMap | undefined
  readonly #offset: number
  readonly #name: string
  readonly #asked = new Set<string>()

  /** @param name What the mapping is called in messages; empty for the document. */
  constructor(source: YamlSource, node: unknown, name: string) {
    this.#source = source
    this.#name = name
    this.#offset = startOf(node)
    const isEmptyDocument = node === null || (isScalar(node) && node.value === null && name === '')
    if (!isEmptyDocument && !isMap(node)) {
      throw source.error(
        `expected ${name === '' ? 'the document' : name} to be a mapping`,
        this.#offset,
      )
    }
    this.#map = isMap(node) ? node : undefined
    const keys = new Set<unknown>()
    for (const { key } of this.#map?.items ?? []) {
      const value = isScalar(key) ? key.value : key
      if (keys.has(value))
        throw source.error(`expected each key once, found "${String(value)}" again`, startOf(key))
      keys.add(value)
    }
  }

  /** A text; undefined where the key is absent. Numbers and booleans are no texts: they need quotes. */
  findText(
    key: string,
    pattern?: { readonly test: RegExp; readonly expected: string },
  ): string | undefined {
    const node = this.#find(key)
    if (node === undefined) return undefined
    if (!isScalar(node) || typeof node.value !== 'string') {
      throw this.#wrong(key, 'a text', node, ['Put a number or a word such as true in quotes.'])
    }
    if (pattern !== undefined && !pattern.test.test(node.value)) {
      throw this.#wrong(key, pattern.expected, node)
    }
    return node.value
  }

  /** A text that has to be there. */
  text(key: string, pattern?: { readonly test: RegExp; readonly expected: string }): string {
    const value = this.findText(key, pattern)
    if (value === undefined) throw this.#missing(key)
    return value
  }

  /** One of some words; undefined where the key is absent. */
  findWord<Word extends string>(key: string, words: readonly Word[]): Word | undefined {
    const node = this.#find(key)
    return node === undefined ? undefined : this.#word(key, words, node)
  }

  /** A whole number within bounds, both inclusive; undefined where the key is absent. */
  findWholeNumber(key: string, minimum: number, maximum: number): number | undefined {
    const node = this.#find(key)
    if (node === undefined) return undefined
    const value = isScalar(node) ? node.value : undefined
    if (
      typeof value !== 'number' ||
      !Number.isInteger(value) ||
      value < minimum ||
      value > maximum
    ) {
      throw this.#wrong(key, `a whole number from ${minimum} to ${maximum}`, node)
    }
    return value
  }

  /** true or false; undefined where the key is absent. */
  findBoolean(key: string): boolean | undefined {
    const node = this.#find(key)
    if (node === undefined) return undefined
    if (!isScalar(node) || typeof node.value !== 'boolean')
      throw this.#wrong(key, 'true or false', node)
    return node.value
  }

  /** A list of texts; undefined where the key is absent. */
  findTexts(key: string): readonly string[] | undefined {
    return this.#items(key)?.map((item) => {
      if (isScalar(item) && typeof item.value === 'string') return item.value
      throw this.#wrong(key, 'a list of texts', item)
    })
  }

  /** A list of words; undefined where the key is absent. */
  findWords<Word extends string>(key: string, words: readonly Word[]): readonly Word[] | undefined {
    return this.#items(key)?.map((item) => this.#word(key, words, item))
  }

  /** A list of mappings; empty where the key is absent. */
  mappings(key: string, name: string): readonly YamlMapping[] {
    return (this.#items(key) ?? []).map((item) => new YamlMapping(this.#source, item, name))
  }

  /** A mapping; undefined where the key is absent. */
  findMapping(key: string): YamlMapping | undefined {
    const node = this.#find(key)
    return node === undefined ? undefined : new YamlMapping(this.#source, node, `"${key}"`)
  }

  /** @throws ChanceryError ERR_CONFIG_YAML if there is a key that nobody asked for. */
  end(): void {
    for (const { key } of this.#map?.items ?? []) {
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined
      if (name !== undefined && this.#asked.has(name)) continue
      const suggestion = closestWord(name ?? '', [...this.#asked])
      const known = [...this.#asked].join(', ')
      const hint =
        suggestion === undefined ? `Known here: ${known}.` : `Did you mean "${suggestion}"?`
      const where = this.#name === '' ? '' : ` of ${this.#name}`
      throw this.#source.error(
        `expected a known key${where}, found "${name ?? '?'}"`,
        startOf(key),
        [hint],
      )
    }
  }

  /** An error about this mapping, or about the value of one of its keys. */
  error(message: string, key?: string): ChanceryError {
    const node = key === undefined ? undefined : this.#node(key)
    return this.#source.error(message, node === undefined ? this.#offset : startOf(node))
  }

  #word<Word extends string>(key: string, words: readonly Word[], node: Node): Word {
    const value: unknown = isScalar(node) ? node.value : undefined
    const word = words.find((candidate) => candidate === value)
    if (word !== undefined) return word
    const suggestion = typeof value === 'string' ? closestWord(value, words) : undefined
    const hints = suggestion === undefined ? [] : [`Did you mean "${suggestion}"?`]
    throw this.#wrong(key, `one of ${words.join(', ')}`, node, hints)
  }

  #items(key: string): readonly Node[] | undefined {
    const node = this.#find(key)
    if (node === undefined) return undefined
    if (!isSeq(node)) throw this.#wrong(key, 'a list', node)
    return node.items as Node[]
  }

  #find(key: string): Node | undefined {
    this.#asked.add(key)
    const node = this.#node(key)
    // `key:` without a value says nothing; it is more likely a mistake than a wish.
    if (node !== undefined && isScalar(node) && node.value === null)
      throw this.#wrong(key, 'a value', node)
    return node
  }

  #node(key: string): Node | undefined {
    const pair = this.#map?.items.find(
      (item) => isPair(item) && isScalar(item.key) && item.key.value === key,
    )
    const value = pair?.value
    if (pair === undefined || isAlias(value)) return undefined
    // A key at the very end of a flow mapping has no value node.
    if (value === null || value === undefined)
      throw this.#source.error(`expected a value for "${key}"`, startOf(pair.key))
    return value as Node
  }

  #missing(key: string): ChanceryError {
    const where = this.#name === '' ? '' : ` in ${this.#name}`
    return this.#source.error(`expected "${key}"${where}`, this.#offset)
  }

  #wrong(
    key: string,
    expected: string,
    node: unknown,
    hints: readonly string[] = [],
  ): ChanceryError {
    return this.#source.error(`expected "${key}" to be ${expected}`, startOf(node), hints)
  }
}

function startOf(node: unknown): number {
  const range: unknown =
    typeof node === 'object' && node !== null && 'range' in node ? node.range : null
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0
}
