import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, derError, DerReader } from '../format/der-reader.ts'
import { OID } from './oids.ts'

/** A CMS SignedData with one signer, who signed attributes. Nothing in it is proven. */
export interface CmsSignedData {
  /** The type of the content, dotted decimal. */
  readonly contentType: string
  readonly content: Uint8Array
  /** DER, in no order that counts; at most 20. */
  readonly certificates: readonly Uint8Array[]
  /** Whose certificate the signer's is: DER Name and the INTEGER's content. */
  readonly signer: { readonly issuerName: Uint8Array; readonly serialNumber: Uint8Array }
  /** The OID of the hash in the attributes, dotted decimal. */
  readonly digestAlgorithm: string
  /** The one value of each signed attribute by its OID, DER. */
  readonly signedAttributes: ReadonlyMap<string, Uint8Array>
  /** What the signature covers: the attributes as a DER SET. */
  readonly signedBytes: Uint8Array
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
}

const MAX_CERTIFICATES = 20
const MAX_ATTRIBUTES = 32
const MAX_VERSION = 5

/**
 * Reads a ContentInfo with SignedData: strict DER, content included, one signer who is named by issuer and serial number
 * and signed attributes, each of them once and with one value. Revocation lists and unsigned attributes are passed over.
 *
 * @throws ChanceryError ERR_X509_CMS if it is anything else.
 * Source: RFC 5652, 3, 5.1 and 5.3.
 */
export function parseCmsSignedData(contentInfo: DerReader): CmsSignedData {
  try {
    return readSignedData(contentInfo)
  } catch (cause) {
    if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_FORMAT_DER') throw cause
    throw new ChanceryError('ERR_X509_CMS', `expected CMS signed data: ${cause.message}`, { cause })
  }
}

function readSignedData(contentInfo: DerReader): CmsSignedData {
  if (contentInfo.readOid() !== OID.signedData) throw derError('expected the type signedData')
  const wrapped = contentInfo.enter(contextTag(0, 'constructed'))
  contentInfo.expectEnd()
  const signedData = wrapped.enter()
  wrapped.expectEnd()
  signedData.readSmallInteger(MAX_VERSION)
  signedData.read(DER_TAG.set)
  const encapsulated = signedData.enter()
  const contentType = encapsulated.readOid()
  const content = encapsulated.enter(contextTag(0, 'constructed'))
  encapsulated.expectEnd()
  const contentBytes = content.read(DER_TAG.octetString)
  content.expectEnd()
  const certificates = readCertificates(signedData.enterOptional(contextTag(0, 'constructed')))
  signedData.readOptional(contextTag(1, 'constructed'))
  const signerInfos = signedData.enter(DER_TAG.set)
  signedData.expectEnd()
  const signerInfo = signerInfos.enter()
  signerInfos.expectEnd()
  return { contentType, content: contentBytes, certificates, ...readSignerInfo(signerInfo) }
}

function readCertificates(reader: DerReader | undefined): readonly Uint8Array[] {
  const certificates: Uint8Array[] = []
  while (reader?.isAtEnd === false) {
    certificates.push(reader.readAny().encoded)
    if (certificates.length > MAX_CERTIFICATES) {
      throw derError(`expected at most ${MAX_CERTIFICATES} certificates`)
    }
  }
  return certificates
}

function readSignerInfo(
  signerInfo: DerReader,
): Omit<CmsSignedData, 'contentType' | 'content' | 'certificates'> {
  signerInfo.readSmallInteger(1)
  const issuerAndSerial = signerInfo.enter()
  const issuerName = issuerAndSerial.readAny().encoded
  const serialNumber = issuerAndSerial.readInteger()
  issuerAndSerial.expectEnd()
  const digest = signerInfo.enter()
  const digestAlgorithm = digest.readOid()
  const attributes = signerInfo.readAny()
  if (attributes.tag !== contextTag(0, 'constructed')) throw derError('expected signed attributes')
  const signatureAlgorithm = signerInfo.readAny().encoded
  const signature = signerInfo.read(DER_TAG.octetString)
  signerInfo.readOptional(contextTag(1, 'constructed'))
  signerInfo.expectEnd()
  // What is signed has the tag of a SET, not the one it is sent with (RFC 5652, 5.4).
  const signedBytes = Uint8Array.from(attributes.encoded)
  signedBytes[0] = DER_TAG.set
  return {
    signer: { issuerName, serialNumber },
    digestAlgorithm,
    signedAttributes: readAttributes(signedBytes),
    signedBytes,
    signatureAlgorithm,
    signature,
  }
}

function readAttributes(set: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const values = new Map<string, Uint8Array>()
  const attributes = new DerReader(set).enter(DER_TAG.set)
  while (!attributes.isAtEnd) {
    const attribute = attributes.enter()
    const oid = attribute.readOid()
    const valueSet = attribute.enter(DER_TAG.set)
    attribute.expectEnd()
    const value = valueSet.readAny().encoded
    valueSet.expectEnd()
    if (values.has(oid) || values.size >= MAX_ATTRIBUTES) {
      throw derError(`expected each attribute once, found ${oid} again, or too many`)
    }
    values.set(oid, value)
  }
  return values
}
