import { sha1 } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, readDerSequence, type DerReader } from '../format/der-reader.ts'
import { encodeHex } from '../format/hex.ts'
import { formatName } from './distinguished-name.ts'
import { OID } from './oids.ts'

/** What Chancery shows of an X.509 certificate and needs to build chains. Nothing in it is proven. */
export interface X509Certificate {
  readonly der: Uint8Array
  /** RFC 4514 text, such as `CN=Release,O=Acme`. */
  readonly subject: string
  readonly issuer: string
  /** DER Name; chains are built on these, byte for byte. */
  readonly subjectName: Uint8Array
  readonly issuerName: Uint8Array
  /** Lower-case hexadecimal of the INTEGER's bytes. */
  readonly serialNumber: string
  /** The first and the last second of its validity. */
  readonly notBefore: Date
  readonly notAfter: Date
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** The subject alternative names of the kinds that identify a signer. */
  readonly emailAddresses: readonly string[]
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  /** OIDs in dotted decimal; undefined where the certificate does not say, and so allows any use. */
  readonly extendedKeyUsages: readonly string[] | undefined
  /** True if it may issue other certificates (basicConstraints). */
  readonly isAuthority: boolean
  /** Lower-case hexadecimal SHA-1 of the DER, as Windows and SignPath name certificates. */
  readonly thumbprint: string
  /** All extensions by OID. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>
  /** What the issuer signed: the DER of the certificate's body. */
  readonly signedBytes: Uint8Array
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array
  /** ECDSA: DER `Ecdsa-Sig-Value`. RSA and Ed25519: raw bytes. */
  readonly signature: Uint8Array
}

/** One extension of a certificate. */
export interface CertificateExtension {
  /** True if whoever does not know the extension has to refuse the certificate. */
  readonly isCritical: boolean
  /** What the extension's OCTET STRING holds, usually DER. */
  readonly value: Uint8Array
}

/** The most bytes one certificate may have. */
const MAX_CERTIFICATE_BYTES = 65_536

/**
 * Reads a DER certificate.
 *
 * @throws ChanceryError ERR_X509_CERTIFICATE if it is not strict DER.
 * Source: RFC 5280, 4.1.
 */
export function parseCertificate(der: Uint8Array): X509Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw certificateError(`it is longer than ${MAX_CERTIFICATE_BYTES} bytes`)
  }
  try {
    return readCertificate(der)
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError) || thrown.code !== 'ERR_FORMAT_DER') throw thrown
    throw certificateError(thrown.message)
  }
}

/** True if the certificate may sign code: its extended key usage says so or is absent. */
export function allowsCodeSigning(certificate: X509Certificate): boolean {
  return certificate.extendedKeyUsages?.includes(OID.codeSigning) ?? true
}

function certificateError(reason: string): ChanceryError {
  return new ChanceryError('ERR_X509_CERTIFICATE', `expected an X.509 certificate: ${reason}`)
}

function readCertificate(der: Uint8Array): X509Certificate {
  const certificate = readDerSequence(der)
  const signedBytes = certificate.readEncoded(DER_TAG.sequence)
  const signatureAlgorithm = certificate.readEncoded(DER_TAG.sequence)
  const signature = certificate.readBitString()
  certificate.expectEnd()
  const body = readDerSequence(signedBytes)

  const version = body.enterOptional(contextTag(0, 'constructed'))
  version?.readSmallInteger(2)
  version?.expectEnd()
  const serialNumber = encodeHex(body.readInteger())
  if (Buffer.compare(body.readEncoded(DER_TAG.sequence), signatureAlgorithm) !== 0) {
    throw certificateError('it names two signature algorithms')
  }
  const issuerName = body.readEncoded(DER_TAG.sequence)
  const validity = body.enter()
  const notBefore = validity.readTime()
  const notAfter = validity.readTime()
  validity.expectEnd()
  const subjectName = body.readEncoded(DER_TAG.sequence)
  const publicKey = body.readEncoded(DER_TAG.sequence)
  body.readOptional(contextTag(1, 'primitive'))
  body.readOptional(contextTag(2, 'primitive'))
  const extensions = readExtensions(body.enterOptional(contextTag(3, 'constructed')))
  body.expectEnd()
  const names = readAlternativeNames(extensions.get(OID.subjectAlternativeName)?.value)
  return new ReadCertificate({
    der,
    subject: formatName(subjectName),
    issuer: formatName(issuerName),
    subjectName,
    issuerName,
    serialNumber,
    notBefore,
    notAfter,
    publicKey,
    emailAddresses: names.emailAddresses,
    uris: names.uris,
    dnsNames: names.dnsNames,
    extendedKeyUsages: readExtendedKeyUsages(extensions.get(OID.extendedKeyUsage)?.value),
    isAuthority: readIsAuthority(extensions.get(OID.basicConstraints)?.value),
    extensions,
    signedBytes,
    signatureAlgorithm,
    signature,
  })
}

/** A class, since the engine has no quick form for objects that are written down with a getter. */
class ReadCertificate implements X509Certificate {
  readonly der: Uint8Array
  readonly subject: string
  readonly issuer: string
  readonly subjectName: Uint8Array
  readonly issuerName: Uint8Array
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly publicKey: Uint8Array
  readonly emailAddresses: readonly string[]
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly extendedKeyUsages: readonly string[] | undefined
  readonly isAuthority: boolean
  readonly extensions: ReadonlyMap<string, CertificateExtension>
  readonly signedBytes: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array

  constructor(parts: Omit<X509Certificate, 'thumbprint'>) {
    this.der = parts.der
    this.subject = parts.subject
    this.issuer = parts.issuer
    this.subjectName = parts.subjectName
    this.issuerName = parts.issuerName
    this.serialNumber = parts.serialNumber
    this.notBefore = parts.notBefore
    this.notAfter = parts.notAfter
    this.publicKey = parts.publicKey
    this.emailAddresses = parts.emailAddresses
    this.uris = parts.uris
    this.dnsNames = parts.dnsNames
    this.extendedKeyUsages = parts.extendedKeyUsages
    this.isAuthority = parts.isAuthority
    this.extensions = parts.extensions
    this.signedBytes = parts.signedBytes
    this.signatureAlgorithm = parts.signatureAlgorithm
    this.signature = parts.signature
  }

  get thumbprint(): string {
    return encodeHex(sha1(this.der))
  }
}

/** The extensions by OID. Source: RFC 5280, 4.2: no extension twice. */
function readExtensions(wrapped: DerReader | undefined): ReadonlyMap<string, CertificateExtension> {
  const values = new Map<string, CertificateExtension>()
  if (wrapped === undefined) return values
  const extensions = wrapped.enter()
  wrapped.expectEnd()
  while (!extensions.isAtEnd) {
    const extension = extensions.enter()
    const oid = extension.readOid()
    const isCritical = extension.peekTag() === DER_TAG.boolean && extension.readBoolean()
    if (values.has(oid)) throw certificateError(`the extension ${oid} is there twice`)
    values.set(oid, { isCritical, value: extension.read(DER_TAG.octetString) })
    extension.expectEnd()
  }
  return values
}

/** The tags of the alternative names that identify a signer. Source: RFC 5280, 4.2.1.6. */
const EMAIL = contextTag(1, 'primitive')
const DNS = contextTag(2, 'primitive')
const URI = contextTag(6, 'primitive')

/** Source: RFC 5280, 4.2.1.6. */
function readAlternativeNames(
  value: Uint8Array | undefined,
): Pick<X509Certificate, 'emailAddresses' | 'uris' | 'dnsNames'> {
  const emailAddresses: string[] = []
  const dnsNames: string[] = []
  const uris: string[] = []
  const names = value === undefined ? undefined : readDerSequence(value)
  while (names?.isAtEnd === false) {
    const { tag, content } = names.readAny()
    const list =
      tag === EMAIL ? emailAddresses : tag === DNS ? dnsNames : tag === URI ? uris : undefined
    if (list === undefined) continue
    if (content.some((byte) => byte > 0x7f)) {
      throw certificateError('an alternative name has a byte that is not ASCII')
    }
    list.push(Buffer.from(content).toString('latin1'))
  }
  return { emailAddresses, uris, dnsNames }
}

/** Source: RFC 5280, 4.2.1.12. */
function readExtendedKeyUsages(value: Uint8Array | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined
  const usages = readDerSequence(value)
  const oids: string[] = []
  while (!usages.isAtEnd) oids.push(usages.readOid())
  return oids
}

/** Source: RFC 5280, 4.2.1.9. */
function readIsAuthority(value: Uint8Array | undefined): boolean {
  if (value === undefined) return false
  const constraints = readDerSequence(value)
  return constraints.peekTag() === DER_TAG.boolean && constraints.readBoolean()
}
