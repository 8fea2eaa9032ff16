import { DER_TAG } from './der-reader.ts'

/** One DER value: identifier, length and the contents one after the other. Source: X.690, 8.1 and 10.1. */
export function encodeDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const content of contents) length += content.length
  const lengthOctets: number[] = []
  if (length < 0x80) {
    lengthOctets.push(length)
  } else {
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256))
      lengthOctets.unshift(rest % 256)
    lengthOctets.unshift(0x80 | lengthOctets.length)
  }
  const encoded = new Uint8Array(1 + lengthOctets.length + length)
  encoded[0] = tag
  encoded.set(lengthOctets, 1)
  let offset = 1 + lengthOctets.length
  for (const content of contents) {
    encoded.set(content, offset)
    offset += content.length
  }
  return encoded
}

/** SEQUENCE of values in the order given. */
export function encodeSequence(...values: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.sequence, ...values)
}

/** SET OF values, in DER's ascending order of their encodings. Source: X.690, 11.6. */
export function encodeSetOf(...values: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.set, ...values.toSorted((a, b) => Buffer.compare(a, b)))
}

/** INTEGER of an unsigned big-endian number of any length; leading zeros do not count. */
export function encodeUnsigned(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const shortest = bytes.subarray(start)
  const first = shortest[0]
  if (first === undefined) return encodeDer(DER_TAG.integer, new Uint8Array(1))
  return first < 0x80
    ? encodeDer(DER_TAG.integer, shortest)
    : encodeDer(DER_TAG.integer, new Uint8Array(1), shortest)
}

/** INTEGER of a number from 0 to 127. */
export function encodeSmallInteger(value: number): Uint8Array {
  return encodeDer(DER_TAG.integer, new Uint8Array([value]))
}

/** BOOLEAN TRUE; DER leaves FALSE out where it is the default. */
export function encodeTrue(): Uint8Array {
  return encodeDer(DER_TAG.boolean, new Uint8Array([0xff]))
}

/** NULL. */
export function encodeNull(): Uint8Array {
  return encodeDer(DER_TAG.null)
}

/** OBJECT IDENTIFIER from dotted decimal. Source: X.690, 8.19. */
export function encodeOid(oid: string): Uint8Array {
  const [root = 0, second = 0, ...rest] = oid.split('.').map(Number)
  const octets: number[] = []
  for (const arc of [root * 40 + second, ...rest]) {
    const group = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      group.unshift(0x80 | (left % 128))
    }
    octets.push(...group)
  }
  return encodeDer(DER_TAG.oid, new Uint8Array(octets))
}

/** BIT STRING of whole bytes. */
export function encodeBitString(bytes: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.bitString, new Uint8Array(1), bytes)
}

/** BIT STRING of named bits, without trailing zero bits. Source: X.690, 11.2.2. */
export function encodeNamedBits(...bits: readonly number[]): Uint8Array {
  const highest = Math.max(...bits)
  const bytes = new Uint8Array(2 + Math.floor(highest / 8))
  bytes[0] = 7 - (highest % 8)
  for (const bit of bits) {
    const index = 1 + Math.floor(bit / 8)
    bytes[index] = (bytes[index] ?? 0) | (0x80 >> (bit % 8))
  }
  return encodeDer(DER_TAG.bitString, bytes)
}

/** OCTET STRING. */
export function encodeOctetString(...contents: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.octetString, ...contents)
}

/** A string of one of the string types; the caller keeps to the type's characters. */
export function encodeString(
  tag: typeof DER_TAG.utf8String | typeof DER_TAG.printableString | typeof DER_TAG.ia5String,
  text: string,
): Uint8Array {
  return encodeDer(tag, Buffer.from(text, 'utf8'))
}

/**
 * A time as certificates carry it: UTCTime through 2049, GeneralizedTime from 2050, whole seconds, Z.
 *
 * @param unixMs Milliseconds since 1970, before the year 10000; fractions of a second are cut off.
 * Source: RFC 5280, 4.1.2.5.
 */
export function encodeTime(unixMs: number): Uint8Array {
  const digits = new Date(unixMs).toISOString().replaceAll(/[-:T]|\.\d+Z$/g, '')
  const year = Number(digits.slice(0, 4))
  const [tag, text] =
    year >= 1950 && year < 2050
      ? [DER_TAG.utcTime, digits.slice(2)]
      : [DER_TAG.generalizedTime, digits]
  return encodeDer(tag, Buffer.from(`${text}Z`, 'latin1'))
}
