import { ChanceryError } from '../errors/chancery-error.ts'
import { canonicalJson } from './canonical-json.ts'
import { MAX_PAYLOAD_BYTES } from './dsse.ts'
import { parseStatement, STATEMENT_TYPES, type Statement } from './in-toto.ts'
import { parseJson } from './json.ts'
import { isSha256Digest } from './oci-digest.ts'
import { COSIGN_CUSTOM_PREDICATE, parseAttestationType, PREDICATE_TYPES } from './predicate-type.ts'

/** What an attestation says, whichever image it is about. */
export interface Predicate {
  /** URI. */
  readonly type: string
  /** A JSON object, byte for byte as it goes into statements. */
  readonly bytes: Uint8Array
}

/** What an attestation is about. */
export interface AttestedImage {
  /** `registry/repository`, as `referenceContext` of `oci-reference.ts` prints it. */
  readonly name: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly manifestDigest: string
}

/** The most bytes of a statement: what is signed, which has up to 64 more, may have 16 MiB. */
const MAX_STATEMENT_BYTES = MAX_PAYLOAD_BYTES - 64
/** Levels of nesting, fewer than a statement may have. */
const MAX_DEPTH = 63
/** Fewer than a statement may have. */
const MAX_KEYS = 990_000
/** The members without which a predicate is none of its type. Source: Cosign, `attest`; SLSA and in-toto Link. */
const REQUIRED: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  [PREDICATE_TYPES['slsaprovenance'], ['builder', 'buildType']],
  [PREDICATE_TYPES['slsaprovenance1'], ['buildDefinition', 'runDetails']],
  [
    PREDICATE_TYPES['link'],
    ['name', 'materials', 'products', 'byproducts', 'command', 'environment'],
  ],
])

/**
 * Reads a predicate: any text, with the time, for Cosign's own type `custom`; else strict JSON, an object with the members
 * that its type has to have, which goes into statements byte for byte.
 *
 * @param type Cosign's short name, or a URI.
 * @param file At most 16 MiB.
 * @param now What a predicate of the type `custom` says that it was said, to the second.
 * @throws ChanceryError ERR_FORMAT_PREDICATE or ERR_FORMAT_JSON if it is anything else.
 * Source: Cosign, `attest --type`.
 */
export function readPredicate(type: string, file: Uint8Array, now: Date): Predicate {
  const uri = parseAttestationType(type)
  requireSize(file)
  if (uri === COSIGN_CUSTOM_PREDICATE) return { type: uri, bytes: encodeCustom(file, now) }
  const isTagValue = type === 'spdx' && firstCharacter(file) !== '{'
  if (isTagValue) {
    throw refuse('expected an SPDX document in JSON, found text', [
      'Cosign puts text into a statement as it is, and cosign 3 refuses the result: predicates are objects.',
    ])
  }
  const limits = { maxBytes: MAX_STATEMENT_BYTES, maxDepth: MAX_DEPTH, maxKeys: MAX_KEYS }
  const predicate = parseJson(file, limits)
  if (typeof predicate !== 'object' || predicate === null || Array.isArray(predicate)) {
    throw refuse('expected the predicate to be a JSON object')
  }
  const missing = (REQUIRED.get(uri) ?? []).filter((name) => !Object.hasOwn(predicate, name))
  if (missing.length > 0) {
    throw refuse(`expected the members ${missing.join(', ')} in a predicate of the type ${uri}`)
  }
  return { type: uri, bytes: trim(file) }
}

/**
 * Prints the statement of an attestation: the members that Cosign writes, in its order; nothing of the predicate changes.
 * Equal contents give equal bytes.
 *
 * @throws ChanceryError ERR_FORMAT_DIGEST if `manifestDigest` is not a sha256 digest.
 * @throws ChanceryError ERR_FORMAT_PREDICATE if the statement would be larger than can be signed: 16 MiB.
 * Source: Cosign, `attest`; in-toto attestation, spec/v0.1.0/statement.md.
 */
export function encodeAttestation(
  { name, manifestDigest }: AttestedImage,
  predicate: Predicate,
): Uint8Array {
  if (!isSha256Digest(manifestDigest)) {
    throw new ChanceryError(
      'ERR_FORMAT_DIGEST',
      'expected "sha256:" and 64 lower-case hexadecimal digits',
      { field: 'manifestDigest' },
    )
  }
  const head = JSON.stringify({
    _type: STATEMENT_TYPES[0],
    predicateType: predicate.type,
    subject: [{ name, digest: { sha256: manifestDigest.slice('sha256:'.length) } }],
  })
  const statement = Buffer.concat([
    Buffer.from(`${head.slice(0, -1)},"predicate":`),
    predicate.bytes,
    Buffer.from('}'),
  ])
  requireSize(statement)
  return statement
}

/**
 * Reads a statement that somebody else made, and makes sure that it is an attestation about an image.
 *
 * @throws ChanceryError ERR_FORMAT_STATEMENT or ERR_FORMAT_JSON if it is no statement.
 * @throws ChanceryError ERR_FORMAT_PREDICATE if it is the signature of an image, or none of its subjects is this image.
 */
export function requireAttestation(
  statement: Uint8Array,
  { name, manifestDigest }: AttestedImage,
): Statement {
  requireSize(statement)
  const parsed = parseStatement(statement)
  parseAttestationType(parsed.predicateType)
  const hex = manifestDigest.slice('sha256:'.length)
  if (parsed.subjects.some(({ digest }) => digest['sha256'] === hex)) return parsed
  const [first] = parsed.subjects
  const found = first?.digest['sha256'] === undefined ? 'none' : `sha256:${first.digest['sha256']}`
  throw refuse(`expected a statement about ${name}@${manifestDigest}, found one about ${found}`, [
    'The image was pushed again after the statement was made? Then it has to be made anew.',
  ])
}

/**
 * Whether two statements of Cosign's type `custom` say the same about the same, whenever each was said.
 *
 * @param other Somebody's; anything that is no such statement is another one.
 */
export function saysTheSame(statement: Uint8Array, other: Uint8Array): boolean {
  try {
    return canonicalJson(withoutTime(statement)) === canonicalJson(withoutTime(other))
  } catch (error) {
    if (error instanceof ChanceryError) return false
    throw error
  }
}

function withoutTime(bytes: Uint8Array): unknown {
  const { predicate = {}, ...statement } = parseStatement(bytes)
  const { Timestamp, ...others } = predicate
  return { statement, predicate: others, hasTime: typeof Timestamp === 'string' }
}

function encodeCustom(file: Uint8Array, now: Date): Uint8Array {
  let data: string
  try {
    data = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file)
  } catch (cause) {
    throw new ChanceryError('ERR_FORMAT_PREDICATE', 'expected text in well-formed UTF-8', { cause })
  }
  const predicate = { Data: data, Timestamp: now.toISOString().replace(/\.\d{3}Z$/, 'Z') }
  return new TextEncoder().encode(JSON.stringify(predicate))
}

function requireSize({ length }: Uint8Array): void {
  if (length <= MAX_STATEMENT_BYTES) return
  throw refuse(`expected a statement of at most ${MAX_STATEMENT_BYTES} bytes, found ${length}`)
}

function firstCharacter(file: Uint8Array): string {
  return Buffer.from(file.subarray(0, 1024)).toString('latin1').trimStart().slice(0, 1)
}

/** Without the white space of JSON at both ends. */
function trim(json: Uint8Array): Uint8Array {
  const isSpace = (byte: number | undefined) =>
    byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
  let start = 0
  let end = json.length
  while (isSpace(json[start])) start++
  while (isSpace(json[end - 1])) end--
  return json.subarray(start, end)
}

function refuse(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_FORMAT_PREDICATE', message, { hints })
}
