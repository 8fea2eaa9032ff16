import { ChanceryError } from '../errors/chancery-error.ts'
import { FILE_NAME_RULE, isFileName, isPrintable } from './file-name.ts'

/** One part of a `multipart/form-data` body. */
export interface FormPart {
  /** As the client wrote it. */
  readonly name: string
  /** The last path segment of `filename*` or `filename`; null for a part that is a field and no file. */
  readonly fileName: string | null
  /** The character set its `Content-Type` names, lower-case; null where it names none. */
  readonly charset: string | null
  /** A view of the body, not a copy. */
  readonly bytes: Uint8Array
}

/** The most parts a body may have. */
export const MAX_PARTS = 200
/** The most bytes of a field; files are bounded by the body. */
export const MAX_FIELD_BYTES = 64 * 1024

const MAX_HEADER_BYTES = 8 * 1024
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const CRLF_CRLF = Buffer.from('\r\n\r\n')

/**
 * Reads a buffered `multipart/form-data` body.
 *
 * Stricter than the RFCs ask, so that no other parser can read the same bytes differently: lines end in CRLF, nothing
 * but a line break surrounds the parts, the last boundary is required, and no content transfer encoding is undone.
 * Part names may be quoted or bare tokens (.NET), file names may come as `filename`, `filename*` or both.
 *
 * @param contentType The request's `Content-Type`, which names the boundary.
 * @throws ChanceryError ERR_HTTP_MULTIPART if the body is anything else or exceeds a limit above.
 * Source: RFC 7578; RFC 2046, section 5.1.1; RFC 8187 for `filename*`.
 */
export function parseMultipart(body: Uint8Array, contentType: string): readonly FormPart[] {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const delimiter = Buffer.from(`\r\n--${parseBoundary(contentType)}`, 'latin1')
  const parts: FormPart[] = []
  let position = startOfBody(buffer, delimiter)
  while (!isLast(buffer, position)) {
    if (parts.length === MAX_PARTS)
      throw malformed(`expected at most ${MAX_PARTS} parts, found more`)
    // A part without any header line is nothing a form can hold, so the empty line never comes first.
    const head = buffer.subarray(position, position + MAX_HEADER_BYTES + CRLF_CRLF.length)
    const headersLength = head.indexOf(CRLF_CRLF, 2)
    if (headersLength === -1) {
      throw malformed(
        head.length <= MAX_HEADER_BYTES
          ? 'expected an empty line after the headers of a part'
          : `expected part headers of at most ${MAX_HEADER_BYTES} bytes`,
      )
    }
    const headersEnd = position + headersLength
    const start = headersEnd + CRLF_CRLF.length
    // The line break before the boundary may be the one that ends the headers: an empty part.
    const end = buffer.indexOf(delimiter, start - 2)
    if (end === -1) throw malformed('expected the closing boundary, found the end of the body')
    const headers = decodeText(buffer.subarray(position + 2, headersEnd), 'utf-8')
    parts.push(readPart(headers, body.subarray(start, Math.max(start, end))))
    position = end + delimiter.length
  }
  return parts
}

/** The text of a field, by the character set its part names. */
export function decodeField(part: FormPart): string {
  switch (part.charset) {
    case null:
    case 'utf-8':
    case 'utf8':
    case 'us-ascii':
      return decodeText(part.bytes, 'utf-8')
    case 'iso-8859-1':
      return Buffer.from(part.bytes).toString('latin1')
    default:
      throw malformed('expected fields in UTF-8 or ISO-8859-1, found another character set')
  }
}

function startOfBody(buffer: Buffer, delimiter: Buffer): number {
  const first = delimiter.subarray(2)
  if (buffer.subarray(0, first.length).equals(first)) return first.length
  if (buffer.subarray(0, delimiter.length).equals(delimiter)) return delimiter.length
  throw malformed('expected the body to start with the boundary its Content-Type names')
}

/** What follows a boundary: a line break and a part, or two hyphens and the end. */
function isLast(buffer: Buffer, position: number): boolean {
  const next = buffer.toString('latin1', position, position + 2)
  if (next === '\r\n') return false
  const rest = buffer.toString('latin1', position, position + 5)
  if (rest === '--' || rest === '--\r\n') return true
  throw malformed('expected a line break after a boundary, or the end after the last one')
}

function parseBoundary(contentType: string): string {
  const { value, parameters } = parseHeaderValue(contentType)
  const boundary = parameters.get('boundary')
  if (value !== 'multipart/form-data' || boundary === undefined || !BOUNDARY.test(boundary)) {
    throw malformed('expected Content-Type: multipart/form-data with a boundary')
  }
  return boundary
}

function readPart(head: string, bytes: Uint8Array): FormPart {
  let disposition: HeaderValue | undefined
  let charset: string | null = null
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const header = line.slice(0, colon).toLowerCase()
    if (colon === -1 || !TOKEN.test(header))
      throw malformed('expected part headers as "Name: value"')
    const value = line.slice(colon + 1)
    if (header === 'content-disposition') {
      if (disposition !== undefined)
        throw malformed('expected one Content-Disposition in each part')
      disposition = parseHeaderValue(value)
    } else if (header === 'content-type') {
      charset = parseHeaderValue(value).parameters.get('charset')?.toLowerCase() ?? null
    } else if (
      header === 'content-transfer-encoding' &&
      !/^\s*(?:binary|7bit|8bit)\s*$/i.test(value)
    ) {
      throw malformed('expected parts without a content transfer encoding')
    }
  }
  const name = disposition?.parameters.get('name')
  if (
    disposition?.value !== 'form-data' ||
    name === undefined ||
    name === '' ||
    !isPrintable(name)
  ) {
    throw malformed('expected Content-Disposition: form-data with a name in each part')
  }
  const fileName = readFileName(disposition.parameters)
  if (fileName === null && bytes.length > MAX_FIELD_BYTES) {
    throw malformed(`expected fields of at most ${MAX_FIELD_BYTES} bytes`)
  }
  return { name, fileName, charset, bytes }
}

function readFileName(parameters: ReadonlyMap<string, string>): string | null {
  const extended = parameters.get('filename*')
  const given = extended === undefined ? parameters.get('filename') : decodeExtended(extended)
  if (given === undefined) return null
  // untrusted: only the last segment is a name; the rest is the client's own directory, or an attack.
  const name = given.slice(Math.max(given.lastIndexOf('/'), given.lastIndexOf('\\')) + 1)
  if (!isFileName(name)) throw malformed(`expected ${FILE_NAME_RULE}`)
  return name
}

/** `UTF-8'language'percent-encoded`. Source: RFC 8187, section 3.2. */
function decodeExtended(value: string): string {
  const match = /^utf-8'[A-Za-z0-9-]*'([!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*$/i.exec(value)
  if (match !== null) {
    try {
      return decodeURIComponent(value.slice(value.lastIndexOf("'") + 1))
    } catch {
      // Percent-encoded bytes that are not UTF-8: refused below like every other malformed value.
    }
  }
  throw malformed("expected filename* as UTF-8''<percent-encoded>")
}

interface HeaderValue {
  /** Lower-case. */
  readonly value: string
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>
}

/** `value; name=token; name="quoted"`. A backslash escapes only a quote or a backslash, as curl and browsers write. */
function parseHeaderValue(text: string): HeaderValue {
  const parameters = new Map<string, string>()
  const semicolon = text.indexOf(';')
  const value = (semicolon === -1 ? text : text.slice(0, semicolon)).trim().toLowerCase()
  let rest = semicolon === -1 ? '' : text.slice(semicolon)
  while (rest !== '') {
    const match = /^;[ \t]*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*(?=;|$)/.exec(rest)
    if (match === null) {
      if (/^;[ \t]*$/.test(rest)) break
      throw malformed('expected header parameters as name=value or name="value"')
    }
    const [whole, name = '', quoted, bare = ''] = match
    const key = name.toLowerCase()
    if (parameters.has(key)) throw malformed('expected each header parameter once')
    parameters.set(key, quoted === undefined ? bare : quoted.replaceAll(/\\(["\\])/g, '$1'))
    rest = rest.slice(whole.length)
  }
  return { value, parameters }
}

function decodeText(bytes: Uint8Array, encoding: 'utf-8'): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('expected UTF-8 in part headers and fields')
  }
}

function malformed(message: string): ChanceryError {
  return new ChanceryError('ERR_HTTP_MULTIPART', message)
}
