import { ChanceryError } from '../errors/chancery-error.ts'

/** The identifier octets that our structures use. Source: X.690, 8.1.2, and X.680, table 1. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** The identifier octet of `[number]`, constructed (explicit tags, implicit ones of constructed types) or primitive. */
export function contextTag(number: number, form: 'constructed' | 'primitive'): number {
  return (form === 'constructed' ? 0xa0 : 0x80) | number
}

/** One value as it was read. */
export interface DerValue {
  readonly tag: number
  /** The content octets; a view on the input. */
  readonly content: Uint8Array
  /** Identifier, length and content octets; a view on the input. */
  readonly encoded: Uint8Array
}

/** How deep constructed values may nest. Certificates need 12, PKCS#12 files 16. */
const MAX_DEPTH = 32

/**
 * Reads DER values one after the other.
 *
 * Strict: definite lengths in their shortest form, low tag numbers, shortest integers, booleans of 0x00 and 0xff.
 * Everything returned is a view on the input. Every method throws ChanceryError ERR_FORMAT_DER if the next value is not
 * what it is asked for.
 * Source: X.690, 8 and 10.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #depth: number
  /** Where in the bytes the values end. */
  readonly #end: number
  #offset: number

  /** @param start The values are those from here to `end`. */
  constructor(bytes: Uint8Array, depth = 0, start = 0, end = bytes.length) {
    if (depth > MAX_DEPTH) throw derError(`expected at most ${MAX_DEPTH} levels, found more`)
    this.#bytes = bytes
    this.#depth = depth
    this.#offset = start
    this.#end = end
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#end
  }

  /** The identifier octet of the next value; undefined at the end. */
  peekTag(): number | undefined {
    return this.#offset < this.#end ? this.#bytes[this.#offset] : undefined
  }

  /** Throws if anything follows. */
  expectEnd(): void {
    if (!this.isAtEnd) throw derError('expected the end of the value, found more bytes')
  }

  /** The next value, whatever it is. */
  readAny(): DerValue {
    const start = this.#offset
    const tag = this.#bytes[start] ?? 0
    const content = this.#bytes.subarray(this.#enterContent(), this.#offset)
    return { tag, content, encoded: this.#bytes.subarray(start, this.#offset) }
  }

  /** The content of the next value, which has this tag. */
  read(tag: number): Uint8Array {
    this.#expect(tag)
    return this.#bytes.subarray(this.#enterContent(), this.#offset)
  }

  /** Identifier, length and content octets of the next value, which has this tag. */
  readEncoded(tag: number): Uint8Array {
    this.#expect(tag)
    const start = this.#offset
    this.#enterContent()
    return this.#bytes.subarray(start, this.#offset)
  }

  /** The content of the next value if it has this tag, else undefined and nothing is read. */
  readOptional(tag: number): Uint8Array | undefined {
    return this.peekTag() === tag ? this.read(tag) : undefined
  }

  /** A reader of what is inside the next value, which has this tag. */
  enter(tag: number = DER_TAG.sequence): DerReader {
    this.#expect(tag)
    return new DerReader(this.#bytes, this.#depth + 1, this.#enterContent(), this.#offset)
  }

  /** Like {@link enter}, or undefined and nothing is read if the tag is another. */
  enterOptional(tag: number): DerReader | undefined {
    return this.peekTag() === tag ? this.enter(tag) : undefined
  }

  readBoolean(): boolean {
    const content = this.read(DER_TAG.boolean)
    const octet = content[0]
    if (content.length !== 1 || (octet !== 0x00 && octet !== 0xff)) {
      throw derError('expected a boolean of 0x00 or 0xff')
    }
    return octet === 0xff
  }

  /** The content of an INTEGER: big-endian two's complement, at least one byte. */
  readInteger(): Uint8Array {
    const content = this.read(DER_TAG.integer)
    const first = content[0]
    const second = content[1]
    if (first === undefined) throw derError('expected an integer, found an empty one')
    if (
      second !== undefined &&
      (first === 0x00 ? second < 0x80 : first === 0xff && second >= 0x80)
    ) {
      throw derError('expected an integer in its shortest form')
    }
    return content
  }

  /** An INTEGER between 0 and `maximum`, which is below 2^31. */
  readSmallInteger(maximum: number): number {
    const content = this.readInteger()
    let value = 0
    for (const octet of content.subarray(0, 5)) value = value * 256 + octet
    if (content.length > 4 || (content[0] ?? 0) >= 0x80 || value > maximum) {
      throw derError(`expected an integer of 0 to ${maximum}`)
    }
    return value
  }

  /** An OBJECT IDENTIFIER in dotted decimal; arcs are below 2^32. */
  readOid(): string {
    return decodeOid(this.read(DER_TAG.oid))
  }

  /**
   * A UTCTime or GeneralizedTime of whole seconds in Z, as certificates have them. Two-digit years are 1950 to 2049.
   * Source: RFC 5280, 4.1.2.5.
   */
  readTime(): Date {
    const { tag, content } = this.readAny()
    if (tag === DER_TAG.generalizedTime) {
      return decodeTime(twoDigits(content, 0) * 100 + twoDigits(content, 2), content, 4)
    }
    if (tag !== DER_TAG.utcTime) throw derError('expected a time')
    const year = twoDigits(content, 0)
    return decodeTime(year + (year < 50 ? 2000 : 1900), content, 2)
  }

  /** A BIT STRING of whole bytes. */
  readBitString(): Uint8Array {
    const content = this.read(DER_TAG.bitString)
    if (content[0] !== 0) throw derError('expected a bit string of whole bytes')
    return content.subarray(1)
  }

  #expect(tag: number): void {
    const found = this.peekTag()
    if (found === tag) return
    throw derError(`expected the tag ${hexOctet(tag)}, found ${hexOctet(found)}`)
  }

  /** Moves behind the next value; returns where its content starts. */
  #enterContent(): number {
    const tag = this.#octet()
    if ((tag & 0x1f) === 0x1f) throw derError('expected a tag number below 31')
    const length = this.#length()
    const start = this.#offset
    if (length > this.#end - start) {
      throw derError(`expected ${length} content bytes, found ${this.#end - start}`)
    }
    this.#offset = start + length
    return start
  }

  #octet(): number {
    const octet = this.peekTag()
    if (octet === undefined) throw derError('expected a value, found the end')
    this.#offset += 1
    return octet
  }

  #length(): number {
    const first = this.#octet()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0)
      throw derError('expected a definite length (DER), found an indefinite one (BER)')
    if (count > 4) throw derError('expected a length of at most 4 bytes')
    let length = 0
    for (let i = 0; i < count; i++) length = length * 256 + this.#octet()
    if (length < 0x80 || length < 256 ** (count - 1)) {
      throw derError('expected a length in its shortest form')
    }
    return length
  }
}

/** Reads bytes that are one SEQUENCE and nothing else. */
export function readDerSequence(bytes: Uint8Array): DerReader {
  const outer = new DerReader(bytes)
  const inner = outer.enter()
  outer.expectEnd()
  return inner
}

/** The ERR_FORMAT_DER of a structure that is DER but not what was expected. */
export function derError(message: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_DER', message, {
    hints: [
      'Check that the file is complete; `openssl` can convert other encodings (BER) with `-outform DER`.',
    ],
  })
}

function decodeOid(content: Uint8Array): string {
  let text = ''
  let arc = 0
  let isInside = false
  for (const octet of content) {
    if (!isInside && octet === 0x80)
      throw derError('expected an object identifier in its shortest form')
    arc = arc * 128 + (octet & 0x7f)
    if (arc >= 2 ** 32) throw derError('expected an object identifier with arcs below 2^32')
    isInside = octet >= 0x80
    if (isInside) continue
    if (text === '') {
      const root = Math.min(Math.floor(arc / 40), 2)
      text = `${root}.${arc - root * 40}`
    } else {
      text += `.${arc}`
    }
    arc = 0
  }
  if (isInside || text === '') throw derError('expected an object identifier')
  return text
}

const ZERO = 0x30
const Z = 0x5a

/** @param at Where the month is, behind the year. */
function decodeTime(year: number, content: Uint8Array, at: number): Date {
  const month = twoDigits(content, at)
  const day = twoDigits(content, at + 2)
  const hour = twoDigits(content, at + 4)
  const minute = twoDigits(content, at + 6)
  const second = twoDigits(content, at + 8)
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  // Date.UTC takes the first hundred years for those of the twentieth century.
  if (year < 100) time.setUTCFullYear(year, month - 1, day)
  // The comparison refuses days such as 31 February, which Date would move, and whatever has another character in it.
  const isDay = month >= 1 && month <= 12 && time.getUTCDate() === day
  const isTime = isDay && hour < 24 && minute < 60 && second < 60
  if (!isTime || content.length !== at + 11 || content[at + 10] !== Z) {
    throw derError('expected a time such as 20301231235959Z')
  }
  return time
}

/** The number of two digits; NaN where there is anything else. */
function twoDigits(content: Uint8Array, at: number): number {
  const tens = (content[at] ?? 0) - ZERO
  const ones = (content[at + 1] ?? 0) - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

function hexOctet(octet: number | undefined): string {
  return octet === undefined ? 'the end' : `0x${octet.toString(16).padStart(2, '0')}`
}
