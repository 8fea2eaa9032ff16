import { ChanceryError } from '../errors/chancery-error.ts'
import { DER_TAG, derError, DerReader, type DerValue } from '../format/der-reader.ts'
import { encodeOid, encodeSequence, encodeSetOf, encodeString } from '../format/der-writer.ts'
import { encodeHex } from '../format/hex.ts'
import { OID } from './oids.ts'

/** Whose a certificate is, as somebody asks for it. */
export interface SubjectName {
  /** 1 to 64 characters, as each of the others. */
  readonly commonName: string
  readonly organization?: string | undefined
  readonly organizationalUnit?: string | undefined
  /** ISO 3166: two upper-case letters. */
  readonly country?: string | undefined
}

/** The upper bound of RFC 5280, appendix A.1, for each of the names we write. */
const MAX_CHARACTERS = 64

/** The short names of RFC 4514, 3, and two that certificates have beyond those. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [OID.commonName, 'CN'],
  [OID.country, 'C'],
  [OID.organization, 'O'],
  [OID.organizationalUnit, 'OU'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['2.5.4.5', 'serialNumber'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
])

/**
 * DER Name: country, organization, organizational unit, common name, each where it is given.
 *
 * @throws ChanceryError ERR_X509_SUBJECT if a part is empty, too long, or has control characters.
 * Source: RFC 5280, 4.1.2.4.
 */
export function encodeSubjectName(subject: SubjectName): Uint8Array {
  const { country, organization, organizationalUnit, commonName } = subject
  const parts: Uint8Array[] = []
  if (country !== undefined) {
    if (!/^[A-Z]{2}$/.test(country)) {
      throw subjectError('country', 'expected a country of two upper-case letters')
    }
    parts.push(encodePart(OID.country, encodeString(DER_TAG.printableString, country)))
  }
  const texts = { organization, organizationalUnit, commonName }
  for (const name of ['organization', 'organizationalUnit', 'commonName'] as const) {
    const text = texts[name]
    if (text === undefined) continue
    requireText(name, text)
    parts.push(encodePart(OID[name], encodeString(DER_TAG.utf8String, text)))
  }
  return encodeSequence(...parts)
}

/**
 * DER Name as text: `CN=Release,O=Acme,C=AT`, most specific part first, with everything escaped that could be mistaken
 * or would move a cursor.
 *
 * @throws ChanceryError ERR_FORMAT_DER if it is not a Name.
 * Source: RFC 4514, 2.
 */
export function formatName(name: Uint8Array): string {
  const relativeNames = new DerReader(name).enter()
  const parts: string[] = []
  while (!relativeNames.isAtEnd) {
    const attributes = relativeNames.enter(DER_TAG.set)
    const values: string[] = []
    while (!attributes.isAtEnd) {
      const attribute = attributes.enter()
      const oid = attribute.readOid()
      values.push(`${SHORT_NAMES.get(oid) ?? oid}=${formatValue(attribute.readAny())}`)
      attribute.expectEnd()
    }
    parts.unshift(values.join('+'))
  }
  return parts.join(',')
}

/** The text of a directory string. */
function decodeDirectoryString(value: DerValue): string | undefined {
  switch (value.tag) {
    case DER_TAG.utf8String:
      return decodeText(UTF8, value.content)
    case DER_TAG.printableString:
    case DER_TAG.ia5String:
    case 0x14: // TeletexString, which everybody fills with Latin-1
      return Buffer.from(value.content).toString('latin1')
    case DER_TAG.bmpString:
      return decodeText(UTF16, value.content)
    default:
      return undefined
  }
}

function encodePart(oid: string, value: Uint8Array): Uint8Array {
  return encodeSetOf(encodeSequence(encodeOid(oid), value))
}

function requireText(name: string, text: string): void {
  const characters = Array.from(text).length
  if (characters < 1 || characters > MAX_CHARACTERS) {
    throw subjectError(name, `expected 1 to ${MAX_CHARACTERS} characters, found ${characters}`)
  }
  if (/\p{Cc}/u.test(text) || !text.isWellFormed()) {
    throw subjectError(name, 'expected text without control characters')
  }
}

function subjectError(field: string, message: string): ChanceryError {
  return new ChanceryError('ERR_X509_SUBJECT', `${field}: ${message}`, { field })
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const UTF16 = new TextDecoder('utf-16be', { fatal: true, ignoreBOM: true })

function decodeText(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw derError(`expected text in ${decoder.encoding}`)
  }
}

/** Nothing in it needs an escape, wherever it stands. */
const PLAIN = /^[\w.-]+(?: [\w.-]+)*$/

function formatValue(value: DerValue): string {
  const text = decodeDirectoryString(value)
  if (text === undefined) return `#${encodeHex(value.encoded)}`
  if (PLAIN.test(text)) return text
  return text
    .replaceAll(/[,+"\\<>;]/g, '\\$&')
    .replaceAll(/^[ #]| $/g, '\\$&')
    .replaceAll(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
      encodeHex(Buffer.from(character, 'utf8')).replaceAll(/../g, '\\$&'),
    )
}
