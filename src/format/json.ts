import { ChanceryError } from '../errors/chancery-error.ts'

/** How much {@link parseJson} accepts; each has a default. */
export interface JsonLimits {
  /** Length of the text in bytes of UTF-8; 10 MiB. */
  readonly maxBytes?: number
  /** How deep objects and arrays may nest, the outermost counting as 1; 64, and never more than 1,000. */
  readonly maxDepth?: number
  /** Members of all objects of the document together; 100,000. */
  readonly maxKeys?: number
  /** Elements of all arrays of the document together; as many as the text has room for. */
  readonly maxElements?: number
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_BYTES = 10 * 1024 * 1024
const MAX_DEPTH = 64
const MAX_KEYS = 100_000
const DEPTH_OF_STACK = 1000

/**
 * Reads strict JSON: one value, nothing after it but white space, well-formed UTF-8 without a byte order mark, no
 * escaped lone surrogates, no two members of the same name in an object (names are compared after unescaping), no
 * number that JavaScript would change (an integer beyond 2^53 - 1, in whatever notation, or one that overflows).
 *
 * Objects are ordinary ones; a member named `__proto__` becomes an own property like any other.
 * Source: RFC 8259; RFC 7493, section 2 (I-JSON).
 *
 * @throws ChanceryError ERR_FORMAT_JSON if the text is anything else or exceeds a limit; the message says what was
 * expected, and where as `line:column`, both from 1, the column in UTF-16 units.
 */
export function parseJson(text: string | Uint8Array, limits: JsonLimits = {}): unknown {
  const maxBytes = limits.maxBytes ?? MAX_BYTES
  const checked = typeof text === 'string' ? checkText(text, maxBytes) : decodeText(text, maxBytes)
  return new Reader(checked, limits).readDocument()
}

function decodeText(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) throw tooLong(maxBytes)
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw notUtf8(cause)
  }
}

function checkText(text: string, maxBytes: number): string {
  // A UTF-16 unit takes at most three bytes, so most texts need not be measured.
  const fits = text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes
  if (!fits) throw tooLong(maxBytes)
  if (!text.isWellFormed()) throw notUtf8(undefined)
  return text
}

function tooLong(maxBytes: number): ChanceryError {
  return new ChanceryError('ERR_FORMAT_JSON', `expected JSON of at most ${maxBytes} bytes`)
}

function notUtf8(cause: unknown): ChanceryError {
  return new ChanceryError('ERR_FORMAT_JSON', 'expected JSON in well-formed UTF-8', {
    cause,
    hints: ['Save the document as UTF-8 without a byte order mark.'],
  })
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const BYTE_ORDER_MARK = 0xfeff

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** One pass over one text. `charCodeAt` is NaN at the end, which no comparison accepts. */
class Reader {
  readonly #text: string
  readonly #maxDepth: number
  #keysLeft: number
  #elementsLeft: number
  #at = 0
  #depth = 0

  constructor(text: string, limits: JsonLimits) {
    this.#text = text
    this.#maxDepth = Math.min(limits.maxDepth ?? MAX_DEPTH, DEPTH_OF_STACK)
    this.#keysLeft = limits.maxKeys ?? MAX_KEYS
    this.#elementsLeft = limits.maxElements ?? Number.POSITIVE_INFINITY
  }

  readDocument(): unknown {
    if (this.#text.charCodeAt(0) === BYTE_ORDER_MARK) throw this.#expected('JSON', 0)
    const value = this.#readValue()
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#expected('nothing after the JSON value')
    return value
  }

  #readValue(): unknown {
    switch (this.#skipSpace()) {
      case QUOTE:
        return this.#readString()
      case OPEN_BRACE:
        return this.#readObject()
      case OPEN_BRACKET:
        return this.#readArray()
      case 0x74:
        return this.#readWord('true', true)
      case 0x66:
        return this.#readWord('false', false)
      case 0x6e:
        return this.#readWord('null', null)
      default:
        return this.#readNumber()
    }
  }

  #readObject(): unknown {
    const members: Record<string, unknown> = {}
    this.#enter()
    if (this.#skipSpace() === CLOSE_BRACE) return this.#leave(members)
    for (;;) {
      if (this.#skipSpace() !== QUOTE) throw this.#expected('a member name in double quotes')
      const start = this.#at
      const name = this.#readString()
      if (Object.hasOwn(members, name)) throw this.#duplicate(name, start)
      if (this.#keysLeft-- <= 0) throw this.#refused('fewer members in the document', start)
      if (this.#skipSpace() !== COLON) throw this.#expected('":" after a member name')
      this.#at++
      const value = this.#readValue()
      if (name === '__proto__') define(members, name, value)
      else members[name] = value
      const next = this.#skipSpace()
      if (next === CLOSE_BRACE) return this.#leave(members)
      if (next !== COMMA) throw this.#expected('"," or "}" after a member')
      this.#at++
    }
  }

  #readArray(): unknown {
    const elements: unknown[] = []
    this.#enter()
    if (this.#skipSpace() === CLOSE_BRACKET) return this.#leave(elements)
    for (;;) {
      if (--this.#elementsLeft < 0) throw this.#refused('fewer array elements', this.#at)
      elements.push(this.#readValue())
      const next = this.#skipSpace()
      if (next === CLOSE_BRACKET) return this.#leave(elements)
      if (next !== COMMA) throw this.#expected('"," or "]" after an element')
      this.#at++
    }
  }

  #enter(): void {
    if (++this.#depth > this.#maxDepth) {
      throw this.#refused(`at most ${this.#maxDepth} levels of nesting`, this.#at)
    }
    this.#at++
  }

  #leave<T>(value: T): T {
    this.#depth--
    this.#at++
    return value
  }

  #readString(): string {
    const text = this.#text
    const start = this.#at + 1
    for (let at = start; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) {
        this.#at = at + 1
        return text.slice(start, at)
      }
      if (unit === BACKSLASH) return this.#readEscapedString(start, at)
      if (unit < 0x20) throw this.#expected('no control character in a string', at)
    }
    throw this.#expected('the closing quote of a string', text.length)
  }

  /** Reads the rest of a string whose first backslash is at `at`. */
  #readEscapedString(start: number, at: number): string {
    const text = this.#text
    let value = text.slice(start, at)
    this.#at = at
    for (;;) {
      value += this.#readEscape()
      const run = this.#at
      let end = run
      let unit = text.charCodeAt(end)
      while (unit >= 0x20 && unit !== QUOTE && unit !== BACKSLASH) unit = text.charCodeAt(++end)
      value += text.slice(run, end)
      this.#at = end
      if (unit === QUOTE) {
        this.#at++
        return value
      }
      if (unit !== BACKSLASH) throw this.#expected('the closing quote of a string')
    }
  }

  #readEscape(): string {
    const at = this.#at
    const kind = this.#text.charAt(at + 1)
    if (kind === 'u') {
      const unit = this.#readUnit()
      if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit)
      if (unit < 0xdc00 && this.#text.startsWith('\\u', this.#at)) {
        const low = this.#readUnit()
        if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(unit, low)
      }
      throw this.#refused('no escaped lone surrogate', at)
    }
    const value = SIMPLE_ESCAPES[kind]
    if (value === undefined) throw this.#expected('an escape that JSON knows', at + 1)
    this.#at = at + 2
    return value
  }

  /** Reads `\uXXXX`. */
  #readUnit(): number {
    let unit = 0
    for (let at = this.#at + 2; at < this.#at + 6; at++) {
      const digit = hexDigit(this.#text.charCodeAt(at))
      if (digit < 0) throw this.#expected('four hexadecimal digits after "\\u"', at)
      unit = unit * 16 + digit
    }
    this.#at += 6
    return unit
  }

  #readWord<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#expected('a JSON value')
    this.#at += word.length
    return value
  }

  #readNumber(): number {
    const text = this.#text
    const start = this.#at
    let at = start
    if (text.charCodeAt(at) === MINUS) at++
    const first = text.charCodeAt(at)
    if (!isDigit(first)) throw this.#expected(at > start ? 'a digit' : 'a JSON value', at)
    at = first === ZERO ? at + 1 : this.#skipDigits(at)
    if (text.charCodeAt(at) === DOT) at = this.#skipDigits(at + 1)
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      const sign = text.charAt(at + 1)
      at = this.#skipDigits(sign === '+' || sign === '-' ? at + 2 : at + 1)
    }
    const value = Number(text.slice(start, at))
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      throw this.#refused('a number whose integer part stays below 2^53', start)
    }
    this.#at = at
    return value
  }

  #skipDigits(from: number): number {
    let at = from
    while (isDigit(this.#text.charCodeAt(at))) at++
    if (at === from) throw this.#expected('a digit', at)
    return at
  }

  /** Moves to the next unit that is no white space, and returns it. */
  #skipSpace(): number {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return unit
      this.#at++
    }
  }

  #duplicate(name: string, at: number): ChanceryError {
    const shown = /^[\w.:/@-]{1,64}$/.test(name) ? ` "${name}"` : ''
    return this.#refused(`each member once, found a second${shown}`, at)
  }

  #expected(what: string, at = this.#at): ChanceryError {
    return this.#refused(`${what}, found ${describe(this.#text, at)}`, at)
  }

  #refused(what: string, at: number): ChanceryError {
    const before = this.#text.slice(0, at)
    const line = before.split('\n').length
    const column = at - before.lastIndexOf('\n')
    return new ChanceryError('ERR_FORMAT_JSON', `${line}:${column}: expected ${what}`)
  }
}

/** Makes an own property where an assignment would call a setter. */
function define(members: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(members, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE
}

function hexDigit(unit: number): number {
  if (isDigit(unit)) return unit - ZERO
  const lower = unit | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Names what is at a position without repeating the document. */
function describe(text: string, at: number): string {
  if (at >= text.length) return 'the end'
  const unit = text.charCodeAt(at)
  if (unit === BYTE_ORDER_MARK) return 'a byte order mark'
  if (unit < 0x20 || unit === 0x7f) return 'a control character'
  if (isDigit(unit)) return 'a digit'
  const character = text.charAt(at)
  if (/[a-z]/i.test(character)) return 'a letter'
  return unit < 0x7f ? `'${character}'` : 'a character beyond ASCII'
}
