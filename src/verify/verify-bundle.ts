import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { type Bundle, type BundleSigner, parseBundle } from '../format/bundle.ts'
import { isWithin } from '../format/trusted-root.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import {
  type ExpectedContent,
  findMessage,
  type VerifiedContent,
  verifyContent,
} from './bundle-content.ts'
import {
  type CertificateIdentity,
  type ExpectedIdentity,
  verifyCertificateIdentity,
} from './certificate-identity.ts'
import { verifyCertificatePath } from './certificate-path.ts'
import { type VerifiedLogEntry, verifyLogEntry } from './log-entry.ts'
import { SignedMessage } from './signed-message.ts'
import { type VerifiedTimestamp, verifyTimestamp } from './timestamp.ts'
import type { TrustedRoot } from './trusted-root.ts'

/** Whom the verifier trusts. */
export type BundleTrust =
  | {
      /** Authorities and logs; the bundle has to be signed with a certificate. */
      readonly trustedRoot: TrustedRoot
      readonly publicKey?: undefined
    }
  | {
      /** The key that has to have signed, DER SubjectPublicKeyInfo, or opened for many verifications. */
      readonly publicKey: VerificationKey | Uint8Array
      /** Logs and timestamp authorities, where they are required. */
      readonly trustedRoot?: TrustedRoot
    }

/** What a bundle has to prove. */
export interface BundleExpectation extends ExpectedContent {
  /** Whose certificate signed; required if, and only if, no public key is given. */
  readonly certificate?: ExpectedIdentity
  /** From how many different trusted logs and timestamp authorities there has to be proof; 0 each. */
  readonly requires?: { readonly log?: number; readonly timestamp?: number }
}

/** What a bundle proves. */
export interface VerifiedBundle {
  readonly content: VerifiedContent
  readonly signer: VerifiedSigner
  /** The entries of trusted logs; of unknown logs nothing is said. */
  readonly logEntries: readonly VerifiedLogEntry[]
  /** The timestamps of trusted authorities. */
  readonly timestamps: readonly VerifiedTimestamp[]
  /** When the signature existed, as logs and authorities vouch; empty if nobody does. */
  readonly signedAt: readonly Date[]
}

/** Who signed. */
export type VerifiedSigner =
  | { readonly kind: 'publicKey'; readonly publicKey: Uint8Array }
  | ({
      readonly kind: 'certificate'
      readonly certificate: X509Certificate
    } & CertificateIdentity)

/**
 * Verifies a Sigstore bundle in memory; returns only if all of it holds.
 *
 * In this order: the signature over the artifact or the statement; the entries of the logs that are trusted, each bound to
 * this artifact, this signature and this signer; the timestamps of the authorities that are trusted; the certificate's
 * path, at every moment that a log or an authority vouches for, or `now` where none does; whose certificate it is; what
 * the statement is about. Entries and timestamps of strangers count for nothing. Those of whom the verifier trusts must
 * hold, required or not. The same log or authority under two names counts once.
 *
 * Certificate transparency (SCTs) is not checked.
 *
 * @param bundle The text of the bundle, at most 24 MiB, or what `parseBundle` returned.
 * @param now The present: nothing may be of later, and a certificate without a vouched-for time has to be valid then.
 * @throws ChanceryError of the kind `refused` if a check fails; the code names the check, the message what was expected
 *   and found.
 * @throws ChanceryError ERR_FORMAT_BUNDLE, ERR_FORMAT_DSSE, ERR_FORMAT_JSON, ERR_X509_CERTIFICATE, ERR_FORMAT_DER or
 *   ERR_CRYPTO_KEY if the bundle is malformed.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION or ERR_VERIFY_TRUSTED_ROOT if the caller asks for what cannot be.
 */
export function verifyBundle(
  bundle: Bundle | Uint8Array | string,
  trust: BundleTrust,
  expected: BundleExpectation,
  now: Date,
): VerifiedBundle {
  requireSoundCall(trust, expected, now)
  const parsed = isText(bundle) ? parseBundle(bundle) : bundle
  const certificate = readCertificate(parsed.signer, trust)
  const message = findMessage(parsed, expected)
  const signed = new SignedMessage(message, { key: openKey(trust, certificate), certificate })
  signed.verify()
  const logEntries = verifyLogEntries(parsed, trust.trustedRoot, signed, expected, now)
  const timestamps = verifyTimestamps(parsed, trust.trustedRoot, signed, expected, now)
  const signedAt = [
    ...timestamps.map((one) => one.signedAt),
    ...logEntries.flatMap((one) => one.integratedAt ?? []),
  ]
  const moments = signedAt.length === 0 ? [now] : signedAt
  requireLogPeriods(logEntries, moments)
  const signer =
    certificate === undefined
      ? ({ kind: 'publicKey', publicKey: signed.key.publicKey } as const)
      : verifySigner(certificate, parsed.signer, trust, expected, moments)
  const content = verifyContent(parsed, expected)
  return { content, signer, logEntries, timestamps, signedAt }
}

function isText(bundle: Bundle | Uint8Array | string): bundle is Uint8Array | string {
  return typeof bundle === 'string' || bundle instanceof Uint8Array
}

/** Callers without types can leave out what the types ask for. */
function requireSoundCall(
  { publicKey, trustedRoot }: Partial<BundleTrust>,
  { certificate, requires }: BundleExpectation,
  now: Date,
): void {
  if (Number.isNaN(now.getTime())) throw expectationError('now', 'a time')
  if (publicKey === undefined && trustedRoot === undefined) {
    throw expectationError('trust', 'a public key or a trusted root')
  }
  if ((publicKey === undefined) !== (certificate !== undefined)) {
    throw expectationError('certificate', 'either a public key, or whose certificate signed')
  }
  for (const count of [requires?.log ?? 0, requires?.timestamp ?? 0]) {
    const isCount = Number.isInteger(count) && count >= 0
    if (!isCount || (count > 0 && trustedRoot === undefined)) {
      throw expectationError('requires', 'whole numbers, and a trusted root to count by')
    }
  }
}

function expectationError(field: string, expected: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_EXPECTATION', `expected ${expected}`, { field })
}

function readCertificate(
  signer: BundleSigner,
  { publicKey }: BundleTrust,
): X509Certificate | undefined {
  if (signer.kind === 'certificate' && publicKey === undefined) {
    return parseCertificate(signer.certificate)
  }
  if (signer.kind === 'publicKey' && publicKey !== undefined) return undefined
  throw new ChanceryError(
    'ERR_VERIFY_SIGNER',
    publicKey === undefined
      ? 'expected a signature with a certificate, found one with a key'
      : 'expected a signature with a key, found one with a certificate',
  )
}

function openKey(
  { publicKey }: BundleTrust,
  certificate: X509Certificate | undefined,
): VerificationKey {
  const found = certificate?.publicKey ?? publicKey
  if (found === undefined) throw expectationError('trust', 'a public key or a trusted root')
  return found instanceof VerificationKey ? found : new VerificationKey(found)
}

function verifyLogEntries(
  { logEntries }: Bundle,
  trustedRoot: TrustedRoot | undefined,
  signed: SignedMessage,
  { requires }: BundleExpectation,
  now: Date,
): readonly VerifiedLogEntry[] {
  const verified: VerifiedLogEntry[] = []
  for (const entry of logEntries) {
    const log = trustedRoot?.findLog(entry.logId)
    if (log !== undefined) verified.push(verifyLogEntry(entry, log, signed, now))
  }
  const count = new Set(verified.map(({ log }) => log.identity)).size
  const required = requires?.log ?? 0
  if (count >= required) return verified
  throw new ChanceryError(
    'ERR_VERIFY_LOG_COUNT',
    `expected entries of ${required} different trusted logs, found ${count} ` +
      `among ${logEntries.length} entries`,
  )
}

function verifyTimestamps(
  { timestamps }: Bundle,
  trustedRoot: TrustedRoot | undefined,
  signed: SignedMessage,
  { requires }: BundleExpectation,
  now: Date,
): readonly VerifiedTimestamp[] {
  const verified: VerifiedTimestamp[] = []
  let failure: ChanceryError | undefined
  for (const response of timestamps) {
    if (trustedRoot === undefined) break
    try {
      verified.push(verifyTimestamp(response, signed.signature, trustedRoot, now))
    } catch (cause) {
      const isStranger =
        cause instanceof ChanceryError && cause.code === 'ERR_VERIFY_TIMESTAMP_AUTHORITY'
      if (!isStranger) throw cause
      failure = cause
    }
  }
  const count = new Set(verified.map(({ identity }) => identity)).size
  const required = requires?.timestamp ?? 0
  if (count >= required) return verified
  throw new ChanceryError(
    'ERR_VERIFY_TIMESTAMP_COUNT',
    `expected timestamps of ${required} different trusted authorities, found ${count} ` +
      `among ${timestamps.length} timestamps`,
    { cause: failure },
  )
}

/** A log's word counts only in the period in which it is trusted, also where others say when that was. */
function requireLogPeriods(entries: readonly VerifiedLogEntry[], moments: readonly Date[]): void {
  for (const { log, logIndex } of entries) {
    const outside = moments.find((moment) => !isWithin(log.validFor, moment))
    if (outside === undefined) continue
    throw new ChanceryError(
      'ERR_VERIFY_LOG_ENTRY',
      `log entry ${logIndex} of ${log.baseUrl}: the log is not trusted for ${outside.toISOString()}`,
    )
  }
}

function verifySigner(
  certificate: X509Certificate,
  signer: BundleSigner,
  { trustedRoot }: BundleTrust,
  expected: BundleExpectation,
  moments: readonly Date[],
): VerifiedSigner {
  if (trustedRoot === undefined || expected.certificate === undefined) {
    throw expectationError('certificate', 'a trusted root, and whose certificate signed')
  }
  const encoded = signer.kind === 'certificate' ? signer.intermediates : []
  const intermediates = encoded.map(parseCertificate)
  const root = intermediates.find(isSelfIssued)
  if (root !== undefined) {
    throw new ChanceryError(
      'ERR_VERIFY_CERTIFICATE',
      `expected no root certificate in the bundle, found that of "${root.subject}"`,
    )
  }
  verifyCertificatePath(certificate, intermediates, trustedRoot, 'code signing', moments)
  const identity = verifyCertificateIdentity(certificate, expected.certificate)
  return { kind: 'certificate', certificate, ...identity }
}

function isSelfIssued({ subjectName, issuerName }: X509Certificate): boolean {
  return Buffer.compare(subjectName, issuerName) === 0
}
