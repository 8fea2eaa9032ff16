import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from './json.ts'
import { isSha256Digest } from './oci-digest.ts'

/** The `critical.type` of every Cosign metadata file. */
export const SIMPLE_SIGNING_TYPE = 'cosign container image signature'

/** What a Cosign metadata file says. Source: containers/image, docs/containers-signature.5.md; Cosign, SPEC.md. */
export interface SimpleSigningPayload {
  /** `critical.identity.docker-reference`: usually `registry/repository`; 1 to 1,024 characters. */
  readonly dockerReference: string
  /** `critical.image.docker-manifest-digest`: `sha256:` and 64 lower-case hexadecimal digits. */
  readonly manifestDigest: string
  /** `optional`: annotations by name, any JSON values; null if there are none. */
  readonly annotations: Readonly<Record<string, unknown>> | null
}

/** What goes into a new Cosign metadata file. */
export interface SimpleSigningContent {
  /** `registry/repository`, as `referenceContext` of `oci-reference.ts` prints it. */
  readonly dockerReference: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly manifestDigest: string
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** The most bytes of a Cosign metadata file. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024
const MAX_REFERENCE = 1024
const NEWLINE = 0x0a
const OPEN_BRACE = 0x7b

/**
 * Prints a Cosign metadata file, byte for byte what `cosign generate` 2.2.2 and later prints: the members in the order
 * of Go's structs, annotations sorted by the bytes of their names, no white space, no newline at the end. Without
 * annotations `optional` is null.
 *
 * @throws ChanceryError ERR_FORMAT_DIGEST if `manifestDigest` is not a sha256 digest.
 */
export function encodeSimpleSigning(content: SimpleSigningContent): Uint8Array {
  if (!isSha256Digest(content.manifestDigest)) {
    throw new ChanceryError(
      'ERR_FORMAT_DIGEST',
      'expected "sha256:" and 64 lower-case hexadecimal digits',
      { field: 'manifestDigest' },
    )
  }
  const text =
    `{"critical":{"identity":{"docker-reference":${goString(content.dockerReference)}},` +
    `"image":{"docker-manifest-digest":"${content.manifestDigest}"},` +
    `"type":"${SIMPLE_SIGNING_TYPE}"},"optional":${goStringMap(content.annotations ?? {})}}`
  return new TextEncoder().encode(text)
}

function goStringMap(map: Readonly<Record<string, string>>): string {
  const names = Object.keys(map).sort(byBytes)
  if (names.length === 0) return 'null'
  return `{${names.map((name) => `${goString(name)}:${goString(map[name] ?? '')}`).join(',')}}`
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/**
 * A string as Go's `json.Marshal` prints it: the escapes of `JSON.stringify`, and `<`, `>`, `&` and the two Unicode
 * line separators escaped as well. A lone surrogate, which Go cannot hold, becomes the escaped replacement character.
 */
function goString(text: string): string {
  return JSON.stringify(text)
    .replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (escape) => (escape === '\\\\' ? escape : '\\ufffd'))
    .replace(
      /[<>&\u2028\u2029]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

/**
 * Reads a Cosign metadata file so that no other reader can see something else in it: strict JSON (see `parseJson`) with
 * exactly the members it must have, spelled exactly so, one sha256 digest, at most 1 MiB. The only white space outside
 * of the object is one newline at its end, which `cosign generate` up to 2.2.1 printed.
 *
 * @throws ChanceryError ERR_FORMAT_PAYLOAD if it is anything else; `field` is the path of the member at fault.
 */
export function parseSimpleSigning(bytes: Uint8Array): SimpleSigningPayload {
  const payload = members(readDocument(bytes), '$', ['critical', 'optional'])
  const critical = members(payload['critical'], 'critical', ['identity', 'image', 'type'])
  const identity = members(critical['identity'], 'critical.identity', ['docker-reference'])
  const image = members(critical['image'], 'critical.image', ['docker-manifest-digest'])

  if (critical['type'] !== SIMPLE_SIGNING_TYPE) {
    throw refused('critical.type', `"${SIMPLE_SIGNING_TYPE}"`)
  }
  const manifestDigest = image['docker-manifest-digest']
  if (typeof manifestDigest !== 'string' || !isSha256Digest(manifestDigest)) {
    throw refused(
      'critical.image.docker-manifest-digest',
      '"sha256:" and 64 lower-case hexadecimal digits',
    )
  }
  const dockerReference = identity['docker-reference']
  if (typeof dockerReference !== 'string' || !isReferenceText(dockerReference)) {
    throw refused(
      'critical.identity.docker-reference',
      `the image's registry and repository, at most ${MAX_REFERENCE} characters`,
    )
  }
  const annotations = payload['optional']
  if (annotations !== null && !isObject(annotations)) throw refused('optional', 'null or an object')
  return { dockerReference, manifestDigest, annotations }
}

function readDocument(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_PAYLOAD_BYTES) throw refused('$', `at most ${MAX_PAYLOAD_BYTES} bytes`)
  const document = bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes
  let value: unknown
  try {
    value = parseJson(document, { maxBytes: MAX_PAYLOAD_BYTES })
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw refused('$', `strict JSON (${cause.message})`, cause)
  }
  if (document[0] !== OPEN_BRACE || document.at(-1) !== 0x7d) {
    throw refused('$', 'a JSON object with nothing around it but one newline at its end')
  }
  return value
}

function isReferenceText(text: string): boolean {
  return text !== '' && text.length <= MAX_REFERENCE && !/\p{Cc}/u.test(text)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of an object that has all of `names` and no others. */
function members(
  value: unknown,
  path: string,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw refused(path, 'an object')
  const missing = names.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) throw refused(below(path, missing), 'this member')
  if (Object.keys(value).length !== names.length) {
    throw refused(path, `no members but ${names.map((name) => `"${name}"`).join(', ')}`)
  }
  return value
}

function below(path: string, name: string): string {
  return path === '$' ? name : `${path}.${name}`
}

function refused(field: string, expected: string, cause?: unknown): ChanceryError {
  const where = field === '$' ? '' : ` at ${field}`
  return new ChanceryError(
    'ERR_FORMAT_PAYLOAD',
    `Cosign metadata file: expected ${expected}${where}`,
    { field, cause, hints: ['Make the file with "chancery generate" or "cosign generate".'] },
  )
}

const CRITICAL = 'critical'

/** What makes an object with a member `critical` a metadata file of Cosign, or of its elders; in lower case. */
const MARKS: readonly string[] = [
  'docker-manifest-digest',
  'docker-reference',
  SIMPLE_SIGNING_TYPE,
  'atomic container signature',
]

/**
 * True for whatever a lenient reader could take for a Cosign metadata file, so that a malformed one is never signed
 * as if it were some other file. Lenient readers ignore the case of member names (Go folds `ſ` and the Kelvin sign,
 * too), keep one of two equal members, skip a byte order mark, white space and comments, ignore what follows the
 * object, replace malformed UTF-8, decode UTF-16 and UTF-32. What `parseSimpleSigning` accepts is among them.
 *
 * It errs on the side of true, but only for text that starts, apart from what such readers skip, with `{`. Well-formed
 * JSON must also have the member `critical` at its outermost level. Takes linear time.
 */
export function resemblesSimpleSigning(bytes: Uint8Array): boolean {
  if (!mayBeObject(bytes)) return false
  // Without its NULs, ASCII in UTF-16 or UTF-32 of either byte order is ASCII.
  const text = new TextDecoder().decode(
    bytes.includes(0) ? bytes.filter((byte) => byte !== 0) : bytes,
  )
  const start = skipLeading(text)
  if (text[start] !== '{') return false
  const folded = fold(text)
  const isPlain = !folded.includes('\\')
  if (isPlain && !MARKS.some((mark) => folded.includes(mark))) return false
  return new Scan(text, start).isLookalike()
}

/** False for most binaries and plain text, by the first visible ASCII character: an object's brace, or a comment. */
function mayBeObject(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20 && byte < 0x7f)
  return first === OPEN_BRACE || first === 0x2f || first === 0x23
}

/** The position of the first visible ASCII character that is not in a comment. */
function skipLeading(text: string): number {
  const invisible = /[^!-~]*/y
  const comment = /(?:\/\/|#)[^\n\r]*|\/\*[^]*?\*\//y
  let at = 0
  for (;;) {
    invisible.lastIndex = at
    invisible.test(text)
    comment.lastIndex = invisible.lastIndex
    if (!comment.test(text)) return invisible.lastIndex
    at = comment.lastIndex
  }
}

function fold(text: string): string {
  return text.toUpperCase().toLowerCase()
}

function unescape(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,4})\}|x([0-9a-f]{2})|\r?\n|([^]))/gi,
    (_, ...[unit, point, byte, other]: (string | undefined)[]) => {
      const digits = unit ?? point ?? byte
      return digits === undefined ? (other ?? '') : String.fromCharCode(parseInt(digits, 16))
    },
  )
}

/** A walk over the strings and brackets of something like JSON. */
class Scan {
  readonly #text: string
  #at: number
  #depth = 0
  #hasCritical = false
  #hasMark = false
  #isMalformed = false

  constructor(text: string, start: number) {
    this.#text = text
    this.#at = start
  }

  isLookalike(): boolean {
    while (this.#at < this.#text.length) this.#step()
    if (this.#hasCritical && this.#hasMark) return true
    if (!this.#isMalformed) return false
    const folded = fold(unescape(this.#text))
    return folded.includes(CRITICAL) && MARKS.some((mark) => folded.includes(mark))
  }

  #step(): void {
    const character = this.#text[this.#at] ?? ''
    if (character === '"') {
      this.#string()
      return
    }
    const plain = /[\s,:0-9.eE+-]+|true|false|null/y
    plain.lastIndex = this.#at
    if (plain.test(this.#text)) {
      this.#at = plain.lastIndex
      return
    }
    if (character === '{' || character === '[') this.#depth++
    else if (character === '}' || character === ']') this.#depth = Math.max(0, this.#depth - 1)
    else this.#isMalformed = true
    this.#at++
  }

  #string(): void {
    let end = this.#at + 1
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === '\\' ? 2 : 1
    }
    const value = fold(unescape(this.#text.slice(this.#at + 1, end)))
    if (this.#depth === 1 && value === CRITICAL) this.#hasCritical = true
    if (MARKS.includes(value)) this.#hasMark = true
    this.#at = end + 1
  }
}
