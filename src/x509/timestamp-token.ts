import type { HashAlgorithm } from '../crypto/algorithms.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, derError, DerReader, readDerSequence } from '../format/der-reader.ts'
import { type CmsSignedData, parseCmsSignedData } from './cms-signed-data.ts'
import { OID } from './oids.ts'

/** What a timestamp authority said. Nothing in it is proven. */
export interface TimestampToken {
  readonly signedData: CmsSignedData
  /** The hash of what was timestamped. */
  readonly messageImprint: { readonly algorithm: HashAlgorithm; readonly hash: Uint8Array }
  /** When the authority saw the hash; digits beyond milliseconds are cut off. */
  readonly generatedAt: Date
  /** What the signer's certificate hashes to, as the signer says. */
  readonly certificateHash: { readonly algorithm: CertificateHash; readonly hash: Uint8Array }
}

/** A hash that names the signer's certificate; SHA-1 in the older attribute. */
export type CertificateHash = HashAlgorithm | 'sha1'

/** Source: RFC 5754, 2. */
const HASH_OIDS: ReadonlyMap<string, HashAlgorithm> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
] as const)

/** granted and grantedWithMods. Source: RFC 3161, 2.4.2. */
const GRANTED = 1

/**
 * Reads a TimeStampResp that grants a token: strict DER, one signer, the certificate of the signer named by its hash.
 *
 * @throws ChanceryError ERR_X509_TIMESTAMP or ERR_X509_CMS if it is anything else.
 * Source: RFC 3161, 2.4.2; RFC 5816, 2.2.1.
 */
export function parseTimestampResponse(der: Uint8Array): TimestampToken {
  try {
    const response = readDerSequence(der)
    const status = response.enter()
    status.readSmallInteger(GRANTED)
    const token = response.enter()
    response.expectEnd()
    return readToken(parseCmsSignedData(token))
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_FORMAT_DER') throw cause
    throw new ChanceryError('ERR_X509_TIMESTAMP', `expected a timestamp: ${cause.message}`, {
      cause,
    })
  }
}

/** The hash function of an AlgorithmIdentifier's OID; undefined for those that are not used any more. */
export function findHashAlgorithm(oid: string): HashAlgorithm | undefined {
  return HASH_OIDS.get(oid)
}

function readToken(signedData: CmsSignedData): TimestampToken {
  if (signedData.contentType !== OID.timestampInfo) throw derError('expected the content TSTInfo')
  const info = readDerSequence(signedData.content)
  if (info.readSmallInteger(1) !== 1) throw derError('expected version 1')
  info.readOid()
  const imprint = info.enter()
  const algorithm = readHashAlgorithm(imprint)
  const hash = imprint.read(DER_TAG.octetString)
  imprint.expectEnd()
  info.readInteger()
  const generatedAt = decodeTime(info.read(DER_TAG.generalizedTime))
  info.readOptional(DER_TAG.sequence)
  if (info.peekTag() === DER_TAG.boolean) info.readBoolean()
  info.readOptional(DER_TAG.integer)
  info.readOptional(contextTag(0, 'constructed'))
  // Extensions [1] change what a token means, and nobody uses them.
  info.expectEnd()
  return {
    signedData,
    messageImprint: { algorithm, hash },
    generatedAt,
    certificateHash: readCertificateHash(signedData),
  }
}

function readHashAlgorithm(parent: DerReader): HashAlgorithm {
  const identifier = parent.enter()
  const oid = identifier.readOid()
  identifier.readOptional(DER_TAG.null)
  identifier.expectEnd()
  const algorithm = HASH_OIDS.get(oid)
  if (algorithm === undefined) throw derError(`expected SHA-256, SHA-384 or SHA-512, found ${oid}`)
  return algorithm
}

/** A GeneralizedTime in Z with or without a fraction. Source: RFC 3161, 2.4.2, "genTime". */
function decodeTime(content: Uint8Array): Date {
  const text = Buffer.from(content).toString('latin1')
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,8}[1-9]))?Z$/.exec(text)
  const [, year, month, day, hour, minute, second, fraction = ''] = match ?? []
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0')
  const iso = `${year ?? ''}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}.${milliseconds}Z`
  const time = new Date(iso)
  if (match === null || Number.isNaN(time.getTime()) || time.toISOString() !== iso) {
    throw derError('expected a time such as 20301231235959Z')
  }
  return time
}

/** The first certificate id of signingCertificateV2, or of signingCertificate. Source: RFC 5035, 3 and 4; RFC 2634, 5.4. */
function readCertificateHash(signedData: CmsSignedData): TimestampToken['certificateHash'] {
  const second = signedData.signedAttributes.get(OID.signingCertificateV2)
  const first = signedData.signedAttributes.get(OID.signingCertificate)
  const attribute = second ?? first
  if (attribute === undefined) throw derError('expected the attribute signingCertificate')
  const certificates = new DerReader(attribute).enter().enter()
  const id = certificates.enter()
  const isSecond = second !== undefined
  const algorithm = isSecond && id.peekTag() === DER_TAG.sequence ? readHashAlgorithm(id) : 'sha256'
  return { algorithm: isSecond ? algorithm : 'sha1', hash: id.read(DER_TAG.octetString) }
}
