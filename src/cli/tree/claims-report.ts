import type { SignatureClaims } from '../../verify/signature-claims.ts'
import {
  describeIssuer,
  type PrintedCertificate,
  printCertificate,
} from '../verify/evidence-report.ts'

/** What a signature says of itself, as JSON documents have it. Nothing of it is verified. */
export interface PrintedClaims {
  readonly signer:
    | {
        readonly identities: readonly string[]
        readonly issuer: string | null
        readonly certificate: PrintedCertificate
      }
    | {
        /** SHA-256 of the key, lower-case hexadecimal; null where nothing names the key. */
        readonly publicKeySha256: string | null
        readonly hint: string | null
      }
  readonly logEntries: readonly {
    readonly logIndex: number
    /** RFC 3339. */
    readonly integratedAt: string | null
  }[]
  /** RFC 3339. */
  readonly timestamps: readonly string[]
  readonly repository: string | null
  readonly predicateType: string | null
}

/** So many names of one certificate are shown to people. */
const MAX_NAMES = 3

/** What a signature says of itself, as a document. */
export function printClaims(claims: SignatureClaims): PrintedClaims {
  const { signer, logEntries, timestamps, repository, predicateType } = claims
  return {
    signer:
      signer.kind === 'certificate'
        ? {
            identities: signer.identities,
            issuer: signer.issuer ?? null,
            certificate: printCertificate(signer.certificate),
          }
        : { publicKeySha256: signer.sha256 ?? null, hint: signer.hint ?? null },
    logEntries: logEntries.map(({ logIndex, integratedAt }) => ({
      logIndex,
      integratedAt: integratedAt?.toISOString() ?? null,
    })),
    timestamps: timestamps.map((time) => time.toISOString()),
    repository: repository ?? null,
    predicateType: predicateType ?? null,
  }
}

/** The same in lines for people. */
export function describeClaims(claims: PrintedClaims): string[] {
  const { signer, logEntries, timestamps, repository } = claims
  const times = [
    ...timestamps.map((time) => `a timestamp of ${time}`),
    ...logEntries.map(({ logIndex, integratedAt }) =>
      integratedAt === null
        ? `entry ${logIndex} of a log, without a time`
        : `entry ${logIndex} of a log, of ${integratedAt}`,
    ),
  ]
  return [
    ...describeSigner(signer),
    ...(times.length === 0 ? ['nothing says when'] : times),
    ...(repository === null ? [] : [`for ${JSON.stringify(repository)}`]),
  ]
}

function describeSigner(signer: PrintedClaims['signer']): string[] {
  if ('publicKeySha256' in signer) {
    const { publicKeySha256, hint } = signer
    if (publicKeySha256 !== null) return [`signed with the key sha256:${publicKeySha256}`]
    const name = hint === null ? '' : `, called ${JSON.stringify(hint)}`
    return [`signed with an unknown key${name}`]
  }
  const { identities, issuer, certificate } = signer
  const names = identities.slice(0, MAX_NAMES).map((name) => JSON.stringify(name))
  const more = identities.length > MAX_NAMES ? ` and ${identities.length - MAX_NAMES} more` : ''
  const who = names.length === 0 ? 'nobody that is named' : `${names.join(', ')}${more}`
  return [
    `signed by ${who}, ${describeIssuer(issuer)}`,
    `with a certificate for ${JSON.stringify(certificate.subject)} of ${JSON.stringify(certificate.issuer)}, ` +
      `from ${certificate.notBefore} to ${certificate.notAfter}`,
  ]
}
