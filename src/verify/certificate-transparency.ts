import { sha256 } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  encodeSignedPrecertificate,
  parseSctList,
  type SignedCertificateTimestamp,
} from '../format/sct.ts'
import { isWithin } from '../format/trusted-root.ts'
import type { X509Certificate } from '../x509/certificate.ts'
import { encodePrecertificateBody, readEmbeddedScts } from '../x509/precertificate.ts'
import type { CertificatePath } from './certificate-path.ts'
import type { Log, TrustedRoot } from './trusted-root.ts'

/** What a certificate transparency log proves: that it knew of the certificate. */
export interface VerifiedCertificateTimestamp {
  readonly log: Log
  readonly issuedAt: Date
}

/**
 * Checks the timestamps (SCTs) that a certificate carries; returns only if those of trusted logs hold, and enough of them:
 * each is signed by the log over this certificate and its issuer's key, of a time for which the log is trusted and that has
 * come. Timestamps of strangers count for nothing. The same log, by its key, counts once.
 *
 * @param path From the certificate to its trust anchor; verified.
 * @param required From how many different trusted logs there has to be a timestamp.
 * @param now The present.
 * @throws ChanceryError ERR_VERIFY_CERTIFICATE_TRANSPARENCY if one does not hold, there are too few, or the list is
 *   malformed.
 * @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if a log's key cannot be used.
 * Source: RFC 6962, 3.2 and 3.3.
 */
export function verifyCertificateTransparency(
  { certificates: [certificate, issuer] }: CertificatePath,
  trustedRoot: TrustedRoot,
  required: number,
  now: Date,
): readonly VerifiedCertificateTimestamp[] {
  try {
    const list = certificate === undefined ? undefined : readEmbeddedScts(certificate)
    const timestamps = list === undefined ? [] : parseSctList(list)
    const verified: VerifiedCertificateTimestamp[] = []
    for (const timestamp of timestamps) {
      const log = findLog(timestamp, trustedRoot, now)
      if (log === undefined) continue
      if (certificate === undefined || issuer === undefined) {
        throw refused('expected a certificate with an issuer, found the trust anchor itself')
      }
      verifyTimestamp(timestamp, log, certificate, issuer)
      verified.push({ log, issuedAt: timestamp.issuedAt })
    }
    const count = new Set(verified.map(({ log }) => log.identity)).size
    if (count >= required) return verified
    throw refused(
      `expected timestamps of ${required} different trusted certificate transparency logs, ` +
        `found ${count} among ${timestamps.length}`,
    )
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code === 'ERR_VERIFY_TRUSTED_ROOT') throw cause
    if (cause.code === CODE) throw cause
    throw new ChanceryError(CODE, cause.message, { cause })
  }
}

const CODE = 'ERR_VERIFY_CERTIFICATE_TRANSPARENCY'

/** The trusted log of a timestamp; undefined for a stranger. Shards of one key have a period each. */
function findLog(
  { logId, issuedAt }: SignedCertificateTimestamp,
  { certificateLogs }: TrustedRoot,
  now: Date,
): Log | undefined {
  const named = certificateLogs.filter((log) => Buffer.compare(log.logId, logId) === 0)
  const [first] = named
  if (first === undefined) return undefined
  if (issuedAt > now) {
    throw refused(`expected a timestamp of before ${now.toISOString()}, found a later one`)
  }
  const log = named.find(({ validFor }) => isWithin(validFor, issuedAt))
  if (log !== undefined) return log
  throw refused(`the log ${first.baseUrl} is not trusted for ${issuedAt.toISOString()}`)
}

function verifyTimestamp(
  timestamp: SignedCertificateTimestamp,
  log: Log,
  certificate: X509Certificate,
  issuer: X509Certificate,
): void {
  const { key } = log
  const signed = encodeSignedPrecertificate(
    timestamp,
    sha256(issuer.publicKey),
    encodePrecertificateBody(certificate),
  )
  try {
    if (!key.algorithm.startsWith(timestamp.algorithm)) throw anotherSignature(log)
    key.verify(signed, timestamp.signature, { hash: 'sha256', rsaPadding: 'pkcs1' })
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_CRYPTO_SIGNATURE') throw cause
    throw anotherSignature(log)
  }
}

function anotherSignature(log: Log): ChanceryError {
  return refused(
    `expected a timestamp of this certificate, signed by the log ${log.baseUrl}, found another signature`,
  )
}

function refused(message: string): ChanceryError {
  return new ChanceryError(CODE, message, {
    hints: [
      'A trusted root of an authority without certificate transparency names no logs (ctlogs), and none is required.',
    ],
  })
}
