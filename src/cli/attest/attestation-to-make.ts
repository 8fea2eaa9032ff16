import {
  encodeAttestation,
  readPredicate,
  requireAttestation,
  type Predicate,
} from '../../format/attestation.ts'
import { encodePae, IN_TOTO_PAYLOAD_TYPE, MAX_PAYLOAD_BYTES } from '../../format/dsse.ts'
import { COSIGN_CUSTOM_PREDICATE } from '../../format/predicate-type.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type { CliContext } from '../context.ts'
import { readUserFile } from '../local-files.ts'
import type { MessageToSign } from '../sign/message-signer.ts'
import type { NamedImage } from '../sign/named-images.ts'

/** An attestation about one image. */
export interface AttestationToMake extends NamedImage {
  readonly predicateType: string
  /** The text of the in-toto statement. */
  readonly statement: Uint8Array
  /** Whether the text holds when it was made, so that making it again gives another one. */
  readonly isTimed: boolean
  /** What DSSE signs for it; one signature does for all formats. */
  readonly message: MessageToSign
}

/** The flags that say what is attested. */
export interface PredicateFlags {
  readonly predicate?: string
  readonly statement?: string
  readonly type?: string
}

/** What is attested: something about any image, or a statement that says itself which image it is about. */
export type Attested =
  | { readonly kind: 'predicate'; readonly predicate: Predicate }
  | { readonly kind: 'statement'; readonly statement: Uint8Array }

/** The most bytes of all statements together. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024

/** @throws ChanceryError ERR_CLI_USAGE if there is not exactly one thing to attest. */
export function requireOnePredicate({ predicate, statement, type }: PredicateFlags): void {
  if ((predicate === undefined) === (statement === undefined)) {
    throw usage('expected either --predicate with --type, or --statement')
  }
  if (statement !== undefined && type !== undefined) {
    throw usage('expected no --type with --statement, which has its own')
  }
}

/**
 * Reads what the flags name; `-` is standard input.
 *
 * @throws ChanceryError ERR_FORMAT_PREDICATE, ERR_FORMAT_JSON if it cannot be attested.
 */
export async function readAttested(
  context: CliContext,
  { predicate, statement, type = 'custom' }: PredicateFlags,
): Promise<Attested> {
  const path = predicate ?? statement ?? '-'
  const bytes =
    path === '-'
      ? await context.readStandardInputBytes(MAX_PAYLOAD_BYTES)
      : await readUserFile(path, MAX_PAYLOAD_BYTES)
  return predicate === undefined
    ? { kind: 'statement', statement: bytes }
    : { kind: 'predicate', predicate: readPredicate(type, bytes, new Date()) }
}

/**
 * Makes the attestations about images.
 *
 * @throws ChanceryError ERR_FORMAT_PREDICATE if a ready statement is about another image; ERR_CLI_USAGE if they are
 * larger together than 256 MiB.
 */
export function makeAttestations(
  images: readonly NamedImage[],
  attested: Attested,
): readonly AttestationToMake[] {
  const { length } = attested.kind === 'predicate' ? attested.predicate.bytes : attested.statement
  if (length * images.length > MAX_TOTAL_BYTES) {
    throw usage(`expected less to attest about ${images.length} images at once than 256 MiB`)
  }
  return images.map((named) => {
    const about = { name: named.context, manifestDigest: named.image.digest }
    const { statement, predicateType } =
      attested.kind === 'predicate'
        ? {
            statement: encodeAttestation(about, attested.predicate),
            predicateType: attested.predicate.type,
          }
        : {
            statement: attested.statement,
            predicateType: requireAttestation(attested.statement, about).predicateType,
          }
    const isTimed = attested.kind === 'predicate' && predicateType === COSIGN_CUSTOM_PREDICATE
    return { ...named, predicateType, isTimed, ...textOf(named, statement) }
  })
}

/** The same attestation with a text that was made before. */
export function asMadeBefore(
  attestation: AttestationToMake,
  statement: Uint8Array,
): AttestationToMake {
  return { ...attestation, ...textOf(attestation, statement) }
}

function textOf(
  { fileName }: NamedImage,
  statement: Uint8Array,
): Pick<AttestationToMake, 'statement' | 'message'> {
  const bytes = encodePae(IN_TOTO_PAYLOAD_TYPE, statement)
  return { statement, message: { fileName: `${fileName}.dsse`, bytes } }
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}
