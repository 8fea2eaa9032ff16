import { ChanceryError } from '../errors/chancery-error.ts'
import type { BundleLogEntry, BundleSigner } from '../format/bundle.ts'
import { isWithin } from '../format/trusted-root.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import {
  type CertificateIdentity,
  type ExpectedIdentity,
  verifyCertificateIdentity,
} from './certificate-identity.ts'
import { verifyCertificatePath } from './certificate-path.ts'
import {
  type VerifiedCertificateTimestamp,
  verifyCertificateTransparency,
} from './certificate-transparency.ts'
import { type VerifiedLogEntry, verifyLogEntry } from './log-entry.ts'
import type { SignedMessage } from './signed-message.ts'
import { type VerifiedTimestamp, verifyTimestamp } from './timestamp.ts'
import type { TrustedRoot } from './trusted-root.ts'

/** Who has to have signed, and who has to have seen it. */
export interface ExpectedSigner {
  /** Whose certificate signed; required if, and only if, no public key is given. */
  readonly certificate?: ExpectedIdentity
  /** The one certificate that may have signed, DER; an image's signature that comes without one is verified with it. */
  readonly signerCertificate?: Uint8Array
  /** From how many different of those that are trusted there has to be proof. */
  readonly requires?: {
    /** Transparency logs; 0. */
    readonly log?: number
    /** Timestamp authorities; 0. */
    readonly timestamp?: number
    /**
     * Certificate transparency logs (SCTs); 1 where the trusted root names any, else 0. With a 0 that is given, the
     * certificate's timestamps are not looked at.
     */
    readonly sct?: number
  }
}

/** What comes along with a signature, in whatever format. Nothing in it is proven. */
export interface SigningEvidence {
  readonly signer: BundleSigner
  readonly logEntries: readonly BundleLogEntry[]
  /** DER TimeStampResp. */
  readonly timestamps: readonly Uint8Array[]
  /** What timestamps may be over besides the signature: something that holds it. */
  readonly signatureHolder?: Uint8Array
}

/** What the evidence proves. */
export interface VerifiedEvidence {
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
      /** What trusted certificate transparency logs said; empty where that was not looked at. */
      readonly certificateTimestamps: readonly VerifiedCertificateTimestamp[]
    } & CertificateIdentity)

/**
 * Checks who made a signature and when; the signature itself must have been verified. Returns only if all of it holds:
 * the entries of the logs that are trusted, each bound to what was signed, this signature and this signer; the timestamps
 * of the authorities that are trusted; the certificate's path, at every moment that a log or an authority vouches for, or
 * `now` where none does; the certificate transparency logs that are trusted; whose certificate it is.
 *
 * @param signed With the certificate of the evidence, where it was signed with one.
 * @throws ChanceryError ERR_VERIFY_LOG_ENTRY, _LOG_COUNT, _TIMESTAMP, _TIMESTAMP_COUNT, _CERTIFICATE, _CERTIFICATE_TIME,
 *   _CERTIFICATE_TRANSPARENCY, _CERTIFICATE_IDENTITY or _CERTIFICATE_ISSUER: the code names the check.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION or ERR_VERIFY_TRUSTED_ROOT if the caller asks for what cannot be.
 */
export function verifyEvidence(
  evidence: SigningEvidence,
  signed: SignedMessage,
  trustedRoot: TrustedRoot | undefined,
  expected: ExpectedSigner,
  now: Date,
): VerifiedEvidence {
  const logEntries = verifyLogEntries(evidence, trustedRoot, signed, expected, now)
  const timestamps = verifyTimestamps(evidence, trustedRoot, signed, expected, now)
  const signedAt = [
    ...timestamps.map((one) => one.signedAt),
    ...logEntries.flatMap((one) => one.integratedAt ?? []),
  ]
  const moments = signedAt.length === 0 ? [now] : signedAt
  requireLogPeriods(logEntries, moments)
  const { certificate, key } = signed
  const signer =
    certificate === undefined
      ? ({ kind: 'publicKey', publicKey: key.publicKey } as const)
      : verifySigner(certificate, evidence.signer, trustedRoot, expected, { moments, now })
  return { signer, logEntries, timestamps, signedAt }
}

function verifyLogEntries(
  { logEntries }: SigningEvidence,
  trustedRoot: TrustedRoot | undefined,
  signed: SignedMessage,
  { requires }: ExpectedSigner,
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
  { timestamps, signatureHolder }: SigningEvidence,
  trustedRoot: TrustedRoot | undefined,
  signed: SignedMessage,
  { requires }: ExpectedSigner,
  now: Date,
): readonly VerifiedTimestamp[] {
  const stamped = [signed.signature, ...(signatureHolder === undefined ? [] : [signatureHolder])]
  const verified: VerifiedTimestamp[] = []
  let failure: ChanceryError | undefined
  for (const response of timestamps) {
    if (trustedRoot === undefined) break
    try {
      verified.push(verifyTimestamp(response, stamped, trustedRoot, now))
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
  trustedRoot: TrustedRoot | undefined,
  expected: ExpectedSigner,
  { moments, now }: { readonly moments: readonly Date[]; readonly now: Date },
): VerifiedSigner {
  if (trustedRoot === undefined || expected.certificate === undefined) {
    throw new ChanceryError(
      'ERR_VERIFY_EXPECTATION',
      'expected a trusted root, and whose certificate signed',
      { field: 'certificate' },
    )
  }
  const { signerCertificate: only } = expected
  if (only !== undefined && Buffer.compare(only, certificate.der) !== 0) {
    throw new ChanceryError(
      'ERR_VERIFY_CERTIFICATE_IDENTITY',
      'expected the certificate that was given, found another one',
    )
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
  const path = verifyCertificatePath(
    certificate,
    intermediates,
    trustedRoot,
    'code signing',
    moments,
  )
  const required = expected.requires?.sct ?? (trustedRoot.certificateLogs.length > 0 ? 1 : 0)
  const certificateTimestamps =
    required === 0 ? [] : verifyCertificateTransparency(path, trustedRoot, required, now)
  const identity = verifyCertificateIdentity(certificate, expected.certificate)
  return { kind: 'certificate', certificate, certificateTimestamps, ...identity }
}

function isSelfIssued({ subjectName, issuerName }: X509Certificate): boolean {
  return Buffer.compare(subjectName, issuerName) === 0
}
