import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import { type BundleLogEntry, type BundleSigner, parseBundle } from '../format/bundle.ts'
import type { DsseEnvelope } from '../format/dsse.ts'
import { encodeHex } from '../format/hex.ts'
import { parseStatement } from '../format/in-toto.ts'
import { parseLogBody } from '../format/log-body.ts'
import { parseSimpleSigning } from '../format/simple-signing.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import { parseTimestampResponse } from '../x509/timestamp-token.ts'
import { readClaimedEvidence } from './attached-signature.ts'
import { readIdentities, readIssuer } from './certificate-identity.ts'
import { parseAttachedEnvelope, type UnverifiedSignature } from './image-signature.ts'
import { decodeSignature } from './simple-signing-signature.ts'
import type { SigningEvidence } from './signing-evidence.ts'

/** What a signature says of itself. Anybody can write all of it. */
export interface SignatureClaims {
  /** Of the statement; undefined where there is none. */
  readonly predicateType: string | undefined
  /** For which repository it is; undefined where it names none. */
  readonly repository: string | undefined
  readonly signer: ClaimedSigner
  readonly logEntries: readonly ClaimedLogEntry[]
  /** The times in the timestamps. */
  readonly timestamps: readonly Date[]
}

/** Who is said to have signed. */
export type ClaimedSigner =
  | {
      readonly kind: 'certificate'
      readonly certificate: X509Certificate
      /** E-mail addresses, URIs, user names and DNS names. */
      readonly identities: readonly string[]
      readonly issuer: string | undefined
    }
  | {
      readonly kind: 'publicKey'
      /** SHA-256 of the key, lower-case hexadecimal, as a log entry or the hint has it; undefined where nothing does. */
      readonly sha256: string | undefined
      /** What a bundle calls the key, where that is no hash. */
      readonly hint: string | undefined
    }

/** An entry of a transparency log, as it came along. */
export interface ClaimedLogEntry {
  readonly logIndex: number
  /** Undefined where the entry has no time, or none of this calendar. */
  readonly integratedAt: Date | undefined
}

const SHA256_BYTES = 32

/**
 * Reads what a signature says of itself, all of it, so that what is malformed is not taken for a signature.
 *
 * @throws ChanceryError ERR_FORMAT_*, ERR_X509_* or ERR_VERIFY_SIGNATURE_TEXT if any of it is malformed.
 */
export function readClaims(found: UnverifiedSignature): SignatureClaims {
  if (found.format === 'bundle') {
    const bundle = parseBundle(found.text)
    if (bundle.content.kind === 'envelope') {
      return { ...readEnvelope(bundle.content), ...readEvidence(bundle) }
    }
    return { predicateType: undefined, repository: undefined, ...readEvidence(bundle) }
  }
  const evidence = readEvidence(readClaimedEvidence(found))
  if (found.format === 'envelope') {
    return { ...readEnvelope(parseAttachedEnvelope(found)), ...evidence }
  }
  decodeSignature(found.signature)
  const { dockerReference } = parseSimpleSigning(found.payload)
  return { predicateType: undefined, repository: dockerReference, ...evidence }
}

function readEnvelope({
  payload,
}: DsseEnvelope): Pick<SignatureClaims, 'predicateType' | 'repository'> {
  const { predicateType, subjects } = parseStatement(payload)
  const [first, ...others] = subjects
  const repository = others.length === 0 ? first?.name : undefined
  return { predicateType, repository }
}

function readEvidence({
  signer,
  logEntries,
  timestamps,
}: SigningEvidence): Pick<SignatureClaims, 'signer' | 'logEntries' | 'timestamps'> {
  return {
    signer: readSigner(signer, logEntries),
    logEntries: logEntries.map(({ logIndex, integratedTime }) => ({
      logIndex,
      integratedAt: timeOf(integratedTime),
    })),
    timestamps: timestamps.map((one) => parseTimestampResponse(one).generatedAt),
  }
}

function readSigner(signer: BundleSigner, logEntries: readonly BundleLogEntry[]): ClaimedSigner {
  if (signer.kind === 'certificate') {
    signer.intermediates.forEach(parseCertificate)
    const certificate = parseCertificate(signer.certificate)
    const identities = readIdentities(certificate)
    return { kind: 'certificate', certificate, identities, issuer: readIssuer(certificate) }
  }
  const hinted = readHash(signer.hint ?? '')
  const [logged] = logEntries.flatMap((entry) => readLoggedKey(entry) ?? [])
  return {
    kind: 'publicKey',
    sha256: logged ?? hinted,
    hint: hinted === undefined ? signer.hint : undefined,
  }
}

/** The hash in a hint as Cosign writes it; undefined if it is any other text. */
function readHash(hint: string): string | undefined {
  try {
    const bytes = decodeBase64(hint)
    return bytes.length === SHA256_BYTES ? encodeHex(bytes) : undefined
  } catch (error) {
    if (error instanceof ChanceryError) return undefined
    throw error
  }
}

/** The key that the log saw; undefined where the entry is of a kind that is not known here. */
function readLoggedKey({ body, kind, version }: BundleLogEntry): string | undefined {
  try {
    const { verifier } = parseLogBody(body, kind, version)
    return verifier.kind === 'publicKey' ? sha256Hex(verifier.der) : undefined
  } catch (error) {
    if (error instanceof ChanceryError) return undefined
    throw error
  }
}

/** @param seconds Of Unix time; 0 stands for none. */
function timeOf(seconds: number): Date | undefined {
  const time = new Date(seconds * 1000)
  return seconds === 0 || Number.isNaN(time.getTime()) ? undefined : time
}
