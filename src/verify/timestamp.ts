import { hashMessage, sha1 } from '../crypto/digest.ts'
import type { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { DER_TAG, DerReader } from '../format/der-reader.ts'
import { encodeHex } from '../format/hex.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import type { CmsSignedData } from '../x509/cms-signed-data.ts'
import { OID } from '../x509/oids.ts'
import { findSignatureScheme } from '../x509/signature-scheme.ts'
import {
  findHashAlgorithm,
  parseTimestampResponse,
  type TimestampToken,
} from '../x509/timestamp-token.ts'
import { verifyCertificatePath } from './certificate-path.ts'
import type { Authority, TrustedRoot } from './trusted-root.ts'

/** What a timestamp proves: that the signature existed. */
export interface VerifiedTimestamp {
  readonly authority: Authority
  /** What tells timestamp authorities apart: the key, in hexadecimal. */
  readonly identity: string
  readonly signedAt: Date
}

const PASSED_ON: ReadonlySet<string> = new Set([
  'ERR_VERIFY_TRUSTED_ROOT',
  'ERR_VERIFY_TIMESTAMP_AUTHORITY',
])

/**
 * Checks a timestamp over a signature; returns only if all of it holds: the hash is that of something that may be timestamped,
 * one signer signed it, the signer's certificate is the one that the signed attributes name, leads to a trusted timestamp authority
 * and was valid at the time, which is not in the future.
 *
 * @param response DER TimeStampResp.
 * @param stamped What may be timestamped: the signature, or something that holds it.
 * @param now The present.
 * @throws ChanceryError ERR_VERIFY_TIMESTAMP if any of it does not hold; the message says which check.
 * @throws ChanceryError ERR_VERIFY_TIMESTAMP_AUTHORITY if it is from an authority that is not trusted, whether it holds or
 *   not.
 * @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if the trusted root cannot be used.
 * Source: RFC 3161, 2.4.2; RFC 5652, 5.6; RFC 5816, 2.2.1.
 */
export function verifyTimestamp(
  response: Uint8Array,
  stamped: readonly Uint8Array[],
  trustedRoot: TrustedRoot,
  now: Date,
): VerifiedTimestamp {
  try {
    const token = parseTimestampResponse(response)
    requireImprint(token, stamped)
    const intermediates = token.signedData.certificates.map(parseCertificate)
    const certificate = findSigner(token, intermediates, trustedRoot)
    verifySigner(token.signedData, certificate, trustedRoot)
    if (token.generatedAt > now) {
      throw refused(`expected a time before ${now.toISOString()}, found a later one`)
    }
    const { authority } = verifyCertificatePath(
      certificate,
      intermediates,
      trustedRoot,
      'timestamping',
      [token.generatedAt],
    )
    const identity = encodeHex(certificate.publicKey)
    return { authority, identity, signedAt: token.generatedAt }
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || PASSED_ON.has(cause.code)) throw cause
    if (cause.code === 'ERR_VERIFY_CERTIFICATE') throw unknown(cause.message)
    throw new ChanceryError('ERR_VERIFY_TIMESTAMP', `timestamp: ${cause.message}`, { cause })
  }
}

function requireImprint({ messageImprint }: TimestampToken, stamped: readonly Uint8Array[]): void {
  const { algorithm, hash } = messageImprint
  if (stamped.some((one) => Buffer.compare(hashMessage(algorithm, one), hash) === 0)) return
  throw refused('expected a timestamp of the signature, found one of something else')
}

/** The certificate that both the signer info and the signed attributes name, wherever it is. */
function findSigner(
  token: TimestampToken,
  embedded: readonly X509Certificate[],
  trustedRoot: TrustedRoot,
): X509Certificate {
  const { issuerName, serialNumber } = token.signedData.signer
  const trusted = trustedRoot.timestampAuthorities.flatMap(({ certificates }) => certificates)
  const found = [...trusted, ...embedded].find(
    (one) =>
      Buffer.compare(one.issuerName, issuerName) === 0 &&
      one.serialNumber === encodeHex(serialNumber) &&
      Buffer.compare(hashCertificate(one, token), token.certificateHash.hash) === 0,
  )
  if (found === undefined) {
    throw unknown(
      `expected the certificate ${encodeHex(serialNumber)} in the trusted root or the timestamp, found none`,
    )
  }
  return found
}

function hashCertificate({ der }: X509Certificate, token: TimestampToken): Uint8Array {
  const { algorithm } = token.certificateHash
  return algorithm === 'sha1' ? sha1(der) : hashMessage(algorithm, der)
}

function verifySigner(
  signedData: CmsSignedData,
  certificate: X509Certificate,
  { keyRing }: TrustedRoot,
): void {
  const { signedAttributes, content, contentType } = signedData
  const hash = findHashAlgorithm(signedData.digestAlgorithm)
  if (hash === undefined) throw refused('expected SHA-256, SHA-384 or SHA-512')
  const signedType = readAttribute(signedAttributes, OID.contentType).readOid()
  const digest = readAttribute(signedAttributes, OID.messageDigest).read(DER_TAG.octetString)
  if (signedType !== contentType || Buffer.compare(digest, hashMessage(hash, content)) !== 0) {
    throw refused('expected signed attributes for this content, found others')
  }
  const key = keyRing.open(certificate.publicKey)
  const scheme = findScheme(signedData, key, hash)
  if (scheme === undefined) throw refused(`expected a signature of the ${key.algorithm} key`)
  key.verify(signedData.signedBytes, signedData.signature, scheme)
}

/** RSA signers often name the key's algorithm, not the signature's: the hash is then that of the attributes. */
function findScheme(
  { signatureAlgorithm }: CmsSignedData,
  key: VerificationKey,
  hash: 'sha256' | 'sha384' | 'sha512',
): ReturnType<typeof findSignatureScheme> {
  const isPlainRsa = new DerReader(signatureAlgorithm).enter().readOid() === RSA_ENCRYPTION
  return isPlainRsa && key.algorithm.startsWith('rsa')
    ? { hash, rsaPadding: 'pkcs1' }
    : findSignatureScheme(signatureAlgorithm, key.algorithm)
}

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1'

function readAttribute(attributes: ReadonlyMap<string, Uint8Array>, oid: string): DerReader {
  const value = attributes.get(oid)
  if (value === undefined) throw refused(`expected the signed attribute ${oid}, found none`)
  return new DerReader(value)
}

function refused(message: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_TIMESTAMP', message)
}

function unknown(message: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_TIMESTAMP_AUTHORITY', `timestamp: ${message}`)
}
