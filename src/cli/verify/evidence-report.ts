import { sha256Hex } from '../../crypto/digest.ts'
import type { VerifiedEvidence } from '../../verify/signing-evidence.ts'
import type { X509Certificate } from '../../x509/certificate.ts'

/** Who signed and who saw it, as JSON documents have it. */
export interface PrintedEvidence {
  readonly signer:
    | {
        readonly identity: string
        readonly issuer: string | null
        readonly certificate: PrintedCertificate
        /** The certificate transparency logs that know of the certificate, by their addresses. */
        readonly certificateLogs: readonly string[]
      }
    | { readonly publicKeySha256: string }
  /** RFC 3339: what the logs and the timestamp authorities below say. */
  readonly signedAt: readonly string[]
  readonly logEntries: readonly {
    readonly log: string
    readonly logIndex: number
    /** RFC 3339; null where the log gave no time. */
    readonly integratedAt: string | null
  }[]
  readonly timestamps: readonly {
    /** Its address; null where the trusted root names none. */
    readonly authority: string | null
    /** RFC 3339. */
    readonly signedAt: string
  }[]
}

/** A certificate, as JSON documents have it. */
export interface PrintedCertificate {
  /** RFC 4514, of the certificate and of whoever issued it. */
  readonly subject: string
  readonly issuer: string
  /** RFC 3339: the first and the last second of its validity. */
  readonly notBefore: string
  readonly notAfter: string
}

/** What was proven about a signer, as a document. */
export function printEvidence({
  signer,
  signedAt,
  logEntries,
  timestamps,
}: VerifiedEvidence): PrintedEvidence {
  return {
    signer:
      signer.kind === 'certificate'
        ? {
            identity: signer.identity,
            issuer: signer.issuer ?? null,
            certificate: printCertificate(signer.certificate),
            certificateLogs: signer.certificateTimestamps.map(({ log }) => log.baseUrl),
          }
        : { publicKeySha256: sha256Hex(signer.publicKey) },
    signedAt: signedAt.map((time) => time.toISOString()),
    logEntries: logEntries.map(({ log, logIndex, integratedAt }) => ({
      log: log.baseUrl,
      logIndex,
      integratedAt: integratedAt?.toISOString() ?? null,
    })),
    timestamps: timestamps.map((one) => ({
      authority: one.authority.uri ?? null,
      signedAt: one.signedAt.toISOString(),
    })),
  }
}

/** What is in a certificate, proven or not, as a document. */
export function printCertificate(certificate: X509Certificate): PrintedCertificate {
  const { subject, issuer, notBefore, notAfter } = certificate
  return {
    subject,
    issuer,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
  }
}

/** The same in lines for people. */
export function describeEvidence(evidence: PrintedEvidence): string[] {
  const { signer, signedAt, logEntries, timestamps } = evidence
  return [
    ...('identity' in signer
      ? [
          `signed by ${JSON.stringify(signer.identity)}, ${describeIssuer(signer.issuer)}`,
          ...signer.certificateLogs.map((log) => `the certificate is in the log ${log}`),
        ]
      : [`signed with the key sha256:${signer.publicKeySha256}`]),
    ...timestamps.map(
      ({ authority, signedAt: at }) =>
        `signed at or before ${at}, as the timestamp authority ${authority ?? 'that is trusted'} says`,
    ),
    ...logEntries.map(({ log, logIndex, integratedAt }) =>
      integratedAt === null
        ? `entry ${logIndex} of ${log}`
        : `signed at or before ${integratedAt}, as entry ${logIndex} of ${log} says`,
    ),
    ...(signedAt.length === 0 ? [describeUnknownTime(signer)] : []),
  ]
}

/** Who says whose certificate it is, to be put after the name. @param issuer Null where the certificate names none. */
export function describeIssuer(issuer: string | null): string {
  return issuer === null
    ? 'as the authority of the certificate says'
    : `as ${JSON.stringify(issuer)} says`
}

/** Nobody vouches for a time, so that the certificate is held against today. */
function describeUnknownTime(signer: PrintedEvidence['signer']): string {
  const unknown = 'when it was signed is not proven'
  if (!('identity' in signer)) return unknown
  const { notBefore, notAfter } = signer.certificate
  return `${unknown}; the certificate holds today, from ${notBefore} to ${notAfter}`
}
