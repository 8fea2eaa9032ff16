import { ChanceryError } from '../errors/chancery-error.ts'
import { decodePae, IN_TOTO_PAYLOAD_TYPE, MAX_PAYLOAD_BYTES } from '../format/dsse.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import { parseStatement, type Statement, type StatementSubject } from '../format/in-toto.ts'
import type { DenialReason } from './denial.ts'
import type { SignatureFormat } from './signature-format.ts'

/** The most bytes of a pre-authentication encoding where no attestations are allowed. */
const MAX_SIGNATURE_BYTES = 1024 * 1024
/** The most subjects of a statement: each becomes an image of the request. */
const MAX_SUBJECTS = 1000

/** What a signing policy says about statements. */
export interface StatementRules {
  readonly signatureFormats: readonly SignatureFormat[]
  /** Predicate types of the attestations that are signed, exact URIs. */
  readonly allowedPredicateTypes: readonly string[]
}

/** What a statement says about images. */
export interface ExaminedStatement {
  readonly predicateType: string
  readonly subjects: readonly ExaminedSubject[]
}

/** An image that a statement is about. */
export interface ExaminedSubject {
  /** As the statement has it; not examined yet. */
  readonly name: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly digest: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Why a statement is not signed; the file is the caller's to name. */
export type StatementDenial = Omit<DenialReason, 'path'>

/**
 * The most bytes that a pre-authentication encoding may have under a policy: 1 MiB, or 16 MiB where it allows
 * attestations.
 */
export function maxStatementBytes({ allowedPredicateTypes }: StatementRules): number {
  return allowedPredicateTypes.length > 0 ? MAX_PAYLOAD_BYTES : MAX_SIGNATURE_BYTES
}

/**
 * Reads the statement in a pre-authentication encoding, and holds everything but the names of its images against a
 * policy. Only in-toto statements about images are signed: of every other payload type nobody could say what a signature
 * means.
 *
 * @param bytes untrusted: what `resemblesPae`.
 */
export function examineStatement(
  bytes: Uint8Array,
  rules: StatementRules,
): ExaminedStatement | StatementDenial {
  const maxBytes = maxStatementBytes(rules)
  if (bytes.length > maxBytes) {
    return malformed(`expected at most ${maxBytes} bytes, found ${bytes.length}`)
  }
  let statement: Statement
  try {
    const { payloadType, payload } = decodePae(bytes)
    if (payloadType !== IN_TOTO_PAYLOAD_TYPE) {
      return malformed(`expected the payload type ${IN_TOTO_PAYLOAD_TYPE}`, payloadType)
    }
    statement = parseStatement(payload)
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error
    return malformed(error.message)
  }
  return (
    denyType(statement, bytes.length, rules) ??
    denySubjects(statement) ?? {
      predicateType: statement.predicateType,
      subjects: statement.subjects.map(examinedSubject),
    }
  )
}

function denyType(
  { predicateType, predicate = {} }: Statement,
  size: number,
  { signatureFormats, allowedPredicateTypes }: StatementRules,
): StatementDenial | undefined {
  if (predicateType !== COSIGN_SIGNATURE_PREDICATE) {
    return allowedPredicateTypes.includes(predicateType)
      ? undefined
      : notAllowed(predicateType, allowedPredicateTypes)
  }
  if (!signatureFormats.includes('bundle')) return denyFormat('bundle', signatureFormats)
  if (size > MAX_SIGNATURE_BYTES) {
    return malformed(`expected at most ${MAX_SIGNATURE_BYTES} bytes of a signature, found ${size}`)
  }
  if (Object.keys(predicate).length === 0) return undefined
  return malformed('expected no predicate, or an empty one, in the signature of an image')
}

function denySubjects({ subjects }: Statement): StatementDenial | undefined {
  if (subjects.length > MAX_SUBJECTS) {
    return malformed(`expected at most ${MAX_SUBJECTS} subjects, found ${subjects.length}`)
  }
  for (const [index, subject] of subjects.entries()) {
    const reason = faultOf(subject)
    if (reason !== undefined) return malformed(`${reason} (subject ${index + 1})`)
  }
  return undefined
}

function faultOf({ name, digest, otherMembers }: StatementSubject): string | undefined {
  if (name === undefined) return 'expected the name of the image, found none'
  const algorithms = Object.keys(digest)
  if (algorithms.length !== 1 || !Object.hasOwn(digest, 'sha256')) {
    return 'expected exactly one digest, sha256'
  }
  if (otherMembers.length > 0) {
    return `expected nothing but name, digest and annotations, found ${otherMembers.join(', ')}`
  }
  return undefined
}

function examinedSubject({ name, digest, annotations }: StatementSubject): ExaminedSubject {
  return { name: name ?? '', digest: `sha256:${digest['sha256'] ?? ''}`, annotations }
}

const HOW_TO_MAKE =
  'Make the file with "chancery generate --pae", which names every image registry/repository.'

function malformed(reason: string, value = reason): StatementDenial {
  return {
    rule: 'statement',
    value,
    reason: `the file is what DSSE signs (DSSEv1), and no statement about images: ${reason}`,
    fix: HOW_TO_MAKE,
  }
}

function notAllowed(predicateType: string, allowed: readonly string[]): StatementDenial {
  const types = allowed.length === 0 ? 'none' : allowed.slice(0, 10).join(', ')
  return {
    rule: 'allowedPredicateTypes',
    value: predicateType,
    reason: `the statement has the predicate type ${shown(predicateType)}, of which the signing policy allows ${types}`,
    fix: `Have ${shown(predicateType)} added to allowedPredicateTypes of the signing policy, or submit it under another.`,
  }
}

/** The denial of a signature in a form that the policy does not sign. */
export function denyFormat(
  format: SignatureFormat,
  allowed: readonly SignatureFormat[],
): StatementDenial {
  const file = format === 'legacy' ? 'Cosign metadata' : 'the statement of an image signature'
  const formats = allowed.length === 0 ? 'none' : allowed.join(', ')
  return {
    rule: 'signatureFormats',
    value: format,
    reason: `the file is ${file} (format ${format}), and the signing policy makes signatures of the formats: ${formats}`,
    fix: `Leave this file out ("chancery sign" does so by itself), or have ${format} added to signatureFormats of the signing policy.`,
  }
}

/** A stranger's text, cut and without anything that could hide in it. */
function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
