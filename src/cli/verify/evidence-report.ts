import { sha256Hex } from '../../crypto/digest.ts'
import type { VerifiedEvidence } from '../../verify/signing-evidence.ts'

/** Who signed and who saw it, as JSON documents have it. */
export interface PrintedEvidence {
  readonly signer:
    | {
        readonly identity: string
        readonly issuer: string | null
        /** The certificate transparency logs that know of the certificate, by their addresses. */
        readonly certificateLogs: readonly string[]
      }
    | { readonly publicKeySha256: string }
  /** RFC 3339. */
  readonly signedAt: readonly string[]
  readonly logEntries: readonly { readonly log: string; readonly logIndex: number }[]
}

/** What was proven about a signer, as a document. */
export function printEvidence({ signer, signedAt, logEntries }: VerifiedEvidence): PrintedEvidence {
  return {
    signer:
      signer.kind === 'certificate'
        ? {
            identity: signer.identity,
            issuer: signer.issuer ?? null,
            certificateLogs: signer.certificateTimestamps.map(({ log }) => log.baseUrl),
          }
        : { publicKeySha256: sha256Hex(signer.publicKey) },
    signedAt: signedAt.map((time) => time.toISOString()),
    logEntries: logEntries.map(({ log, logIndex }) => ({ log: log.baseUrl, logIndex })),
  }
}

/** The same in lines for people. */
export function describeEvidence({ signer, signedAt, logEntries }: PrintedEvidence): string[] {
  return [
    'identity' in signer
      ? `signed by ${JSON.stringify(signer.identity)}, as ${JSON.stringify(signer.issuer ?? 'nobody')} says`
      : `signed with the key sha256:${signer.publicKeySha256}`,
    ...('identity' in signer
      ? signer.certificateLogs.map((log) => `the certificate is in the log ${log}`)
      : []),
    ...signedAt.map((time) => `signed at or before ${time}`),
    ...logEntries.map(({ log, logIndex }) => `entry ${logIndex} of ${log}`),
  ]
}
