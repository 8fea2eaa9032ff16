import { hashMessage } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Bundle } from '../format/bundle.ts'
import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../format/dsse.ts'
import { encodeHex } from '../format/hex.ts'
import { parseStatement, type Statement, type StatementSubject } from '../format/in-toto.ts'
import { isDigest, parseDigest } from '../format/oci-digest.ts'
import { requireAnnotations } from './expected-image.ts'
import type { SignedMessage } from './signed-message.ts'

/** What a bundle has to be about. */
export interface ExpectedContent {
  /**
   * The artifact: its digest, `sha256:<hex>` or `sha512:<hex>`, or its bytes. A bundle that signs an artifact as it is
   * can be verified with the bytes only.
   */
  readonly artifact: { readonly digest: string } | { readonly bytes: Uint8Array }
  /**
   * The type of the statement that must have been signed, such as `https://sigstore.dev/cosign/sign/v1`; `any` accepts
   * every type. Left out, the artifact itself must have been signed, and a statement is refused.
   */
  readonly predicateType?: string
  /** Annotations that the statement's subject must have, with exactly these values. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** What the signature of a bundle covers, not verified yet. */
export interface MessageContent {
  readonly message: Uint8Array
  readonly payload?: Uint8Array
  readonly payloadType?: string
  readonly signature: Uint8Array
}

/** What was signed. */
export type VerifiedContent =
  | { readonly kind: 'artifact' }
  | {
      readonly kind: 'statement'
      readonly statement: Statement
      /** The one that is the expected artifact. */
      readonly subject: StatementSubject
      /** The text of the statement, as it was signed. */
      readonly payload: Uint8Array
    }

/** The most annotations that can be asked for. */
const MAX_ANNOTATIONS = 1000
const HASHES = ['sha256', 'sha384', 'sha512'] as const

/**
 * The bytes that the bundle's signature has to cover.
 *
 * @throws ChanceryError ERR_VERIFY_EXPECTATION if the expectation is incomplete.
 * @throws ChanceryError ERR_VERIFY_CONTENT if the bundle signs a statement where an artifact is expected, or the reverse.
 */
export function findMessage({ content }: Bundle, expected: ExpectedContent): MessageContent {
  requireExpectation(expected)
  const { predicateType, artifact } = expected
  if (content.kind === 'envelope') {
    if (predicateType === undefined) {
      throw new ChanceryError(
        'ERR_VERIFY_CONTENT',
        'expected a signature of the artifact itself, found one of an envelope',
        { hints: ['Say which type of statement is expected.'] },
      )
    }
    const { payload, payloadType, signature } = content
    return { message: encodePae(payloadType, payload), payload, payloadType, signature }
  }
  if (predicateType !== undefined) {
    throw new ChanceryError(
      'ERR_VERIFY_CONTENT',
      `expected a statement of the type ${predicateType}, found a signature of an artifact`,
    )
  }
  if (!('bytes' in artifact)) {
    throw new ChanceryError(
      'ERR_VERIFY_EXPECTATION',
      'expected the bytes of the artifact that was signed, found a digest',
      { field: 'artifact' },
    )
  }
  return { message: artifact.bytes, signature: content.signature }
}

function requireExpectation({ artifact, annotations, predicateType }: ExpectedContent): void {
  const isOne = 'digest' in artifact !== 'bytes' in artifact
  if (!isOne || ('digest' in artifact && !isDigest(artifact.digest))) {
    throw expectationError('artifact', 'either the bytes, or a digest such as sha256:<hex>')
  }
  if (predicateType === '') throw expectationError('predicateType', 'a type, or none')
  const values = Object.entries(annotations ?? {})
  const unsaid = values.find(([, value]) => typeof value !== 'string')
  if (unsaid !== undefined) throw expectationError('annotations', `"${unsaid[0]}" to be a text`)
  const count = values.length
  if (count > MAX_ANNOTATIONS || (count > 0 && predicateType === undefined)) {
    throw expectationError('annotations', 'annotations of a statement only, with its type')
  }
}

function expectationError(field: string, expected: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_EXPECTATION', `expected ${expected}`, { field })
}

/**
 * Checks what the content says; the signature over it must have been verified.
 *
 * @param signed What {@link findMessage} found, and whose signature held.
 * @throws ChanceryError ERR_VERIFY_ARTIFACT, ERR_VERIFY_PREDICATE_TYPE or ERR_VERIFY_ANNOTATION if it is about another
 *   artifact, of another type, or lacks an annotation.
 * @throws ChanceryError ERR_VERIFY_CONTENT if what was signed is no in-toto statement.
 */
export function verifyContent(
  { content }: Pick<Bundle, 'content'>,
  expected: ExpectedContent,
  signed: SignedMessage,
): VerifiedContent {
  if (content.kind === 'message') {
    requireMessageDigest(content.digest, signed)
    return { kind: 'artifact' }
  }
  const { payload, payloadType } = content
  if (payloadType !== IN_TOTO_PAYLOAD_TYPE) {
    throw new ChanceryError(
      'ERR_VERIFY_CONTENT',
      `expected an in-toto statement, found a payload of the type ${printable(payloadType)}`,
    )
  }
  const statement = readStatement(payload)
  const { predicateType } = expected
  if (predicateType !== 'any' && statement.predicateType !== predicateType) {
    throw new ChanceryError(
      'ERR_VERIFY_PREDICATE_TYPE',
      `expected a statement of the type ${predicateType ?? 'any'}, ` +
        `found ${printable(statement.predicateType)}`,
    )
  }
  const subject = findSubject(statement, expected)
  requireAnnotations(subject.annotations, expected.annotations ?? {})
  return { kind: 'statement', statement, subject, payload }
}

/** The digest beside the signature is a hint that nobody signed; one that is wrong is refused all the same. */
function requireMessageDigest(
  digest: Extract<Bundle['content'], { kind: 'message' }>['digest'],
  signed: SignedMessage,
): void {
  if (digest === undefined) return
  const hash = signed.hash(digest.algorithm)
  if (Buffer.compare(hash, digest.hash) === 0) return
  throw new ChanceryError(
    'ERR_VERIFY_ARTIFACT',
    `expected a signature for ${digest.algorithm}:${encodeHex(hash)}, ` +
      `found one that says it is for ${encodeHex(digest.hash)}`,
  )
}

function readStatement(payload: Uint8Array): Statement {
  try {
    return parseStatement(payload)
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw new ChanceryError('ERR_VERIFY_CONTENT', `the signed statement: ${cause.message}`, {
      cause,
    })
  }
}

function findSubject({ subjects }: Statement, { artifact }: ExpectedContent): StatementSubject {
  const digests = new Map<string, string>()
  if ('bytes' in artifact) {
    for (const name of HASHES) digests.set(name, encodeHex(hashMessage(name, artifact.bytes)))
  } else {
    const { algorithm, hex } = parseDigest(artifact.digest)
    digests.set(algorithm, hex)
  }
  const found = subjects.find(({ digest }) => isDigestOf(digest, digests))
  if (found !== undefined) return found
  const [first] = digests
  const others = subjects.slice(0, 3).map(({ digest }) => describeDigest(digest))
  throw new ChanceryError(
    'ERR_VERIFY_ARTIFACT',
    `expected a statement about ${first?.join(':') ?? ''}, found one about ${others.join(', ')}` +
      (subjects.length > 3 ? ` and ${subjects.length - 3} more` : ''),
  )
}

/** Each hash that both sides know is equal, and there is at least one. */
function isDigestOf(
  digest: StatementSubject['digest'],
  expected: ReadonlyMap<string, string>,
): boolean {
  const known = [...expected].filter(([name]) => Object.hasOwn(digest, name))
  return known.length > 0 && known.every(([name, hex]) => digest[name] === hex)
}

function describeDigest(digest: StatementSubject['digest']): string {
  const [first] = Object.entries(digest)
  return first === undefined ? 'nothing' : printable(first.join(':'))
}

/** What a stranger wrote, made safe to show in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
