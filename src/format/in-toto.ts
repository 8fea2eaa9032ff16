import { parseJson } from './json.ts'
import { ProtoJsonObject } from './proto-json.ts'

/** The two versions of in-toto statements that are in use. */
export const STATEMENT_TYPES = [
  'https://in-toto.io/Statement/v0.1',
  'https://in-toto.io/Statement/v1',
] as const

/** One thing that a statement is about. Source: in-toto attestation, spec/v1/resource_descriptor.md. */
export interface StatementSubject {
  readonly name: string | undefined
  /** Hashes by algorithm; those named `sha256`, `sha384` and `sha512` are lower-case hexadecimal of the right length. */
  readonly digest: Readonly<Record<string, string>>
  /** Where Cosign puts the annotations of a signature; values are any JSON. */
  readonly annotations: Readonly<Record<string, unknown>>
  /** Which further members are there: `uri`, `content`, `downloadLocation`, `mediaType`. */
  readonly otherMembers: readonly string[]
}

/** An in-toto statement. Source: in-toto attestation, spec/v1/statement.md and spec/v0.1.0/statement.md. */
export interface Statement {
  readonly type: (typeof STATEMENT_TYPES)[number]
  /** At least one. */
  readonly subjects: readonly StatementSubject[]
  /** A URI, 1 to 1,024 characters. */
  readonly predicateType: string
  /** Undefined where there is none, as in image signatures of Cosign before 3.0.5. */
  readonly predicate: Readonly<Record<string, unknown>> | undefined
}

const CODE = 'ERR_FORMAT_STATEMENT'
const MAX_STATEMENT_BYTES = 16 * 1024 * 1024
const MAX_SUBJECTS = 10_000
const MAX_DIGESTS = 16
const DIGEST_DIGITS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
])

/**
 * Reads a statement: strict JSON, no members but those of the specification, at least one subject, each with a digest.
 *
 * @throws ChanceryError ERR_FORMAT_STATEMENT or ERR_FORMAT_JSON if it is anything else, or larger than 16 MiB.
 */
export function parseStatement(bytes: Uint8Array): Statement {
  const names = ['_type', 'subject', 'predicateType', 'predicate']
  const limits = { maxBytes: MAX_STATEMENT_BYTES, maxKeys: 1_000_000 }
  const document = new ProtoJsonObject(parseJson(bytes, limits), '$', CODE, names)
  const found = document.text('_type')
  const type = STATEMENT_TYPES.find((one) => one === found)
  if (type === undefined) throw document.refuse('_type', STATEMENT_TYPES.join(' or '))
  const subjects = document
    .objects('subject', MAX_SUBJECTS, ...SUBJECT_MEMBERS)
    .map((subject) => readSubject(subject, type))
  if (subjects.length === 0) throw document.refuse('subject', 'at least one subject')
  return {
    type,
    subjects,
    predicateType: document.text('predicateType'),
    predicate: document.openObject('predicate'),
  }
}

const OTHER_MEMBERS = ['uri', 'content', 'downloadLocation', 'mediaType']
const SUBJECT_MEMBERS = ['name', 'digest', 'annotations', ...OTHER_MEMBERS]

function readSubject(subject: ProtoJsonObject, type: Statement['type']): StatementSubject {
  const isFirstVersion = type === STATEMENT_TYPES[0]
  return {
    name: isFirstVersion ? subject.text('name') : subject.optionalText('name'),
    digest: readDigest(subject),
    annotations: subject.openObject('annotations') ?? {},
    otherMembers: OTHER_MEMBERS.filter((name) => subject.has(name)),
  }
}

function readDigest(subject: ProtoJsonObject): Readonly<Record<string, string>> {
  const members = Object.entries(subject.openObject('digest') ?? {})
  if (members.length === 0 || members.length > MAX_DIGESTS) {
    throw subject.refuse('digest', `1 to ${MAX_DIGESTS} digests`)
  }
  return Object.fromEntries(
    members.map(([algorithm, hash]) => {
      const digits = DIGEST_DIGITS.get(algorithm)
      if (typeof hash !== 'string' || hash === '') throw subject.refuse('digest', 'texts')
      if (digits !== undefined && !(hash.length === digits && /^[0-9a-f]+$/.test(hash))) {
        throw subject.refuse('digest', `${digits} lower-case hexadecimal digits of ${algorithm}`)
      }
      return [algorithm, hash]
    }),
  )
}
