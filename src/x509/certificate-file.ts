import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, readDerSequence } from '../format/der-reader.ts'
import { decodePem } from '../format/pem.ts'
import type { X509Certificate } from './certificate.ts'
import { MAX_CHAIN_LENGTH, orderChain } from './certificate-chain.ts'
import { OID } from './oids.ts'

/** The most bytes a certificate file may have. */
export const MAX_CERTIFICATE_FILE_BYTES = 256 * 1024

/**
 * Reads a certificate with its chain: PEM with certificates in any order, a DER certificate, or PKCS#7 (`.p7b`) in DER
 * or PEM.
 *
 * @param publicKey The key that the certificate has to be for, DER SubjectPublicKeyInfo.
 * @returns The chain, leaf first.
 * @throws ChanceryError ERR_X509_FILE if it is none of these, or too large.
 * @throws ChanceryError ERR_X509_CERTIFICATE, ERR_X509_KEY or ERR_X509_CHAIN as {@link orderChain} does.
 */
export function readCertificateFile(
  bytes: Uint8Array,
  publicKey: Uint8Array,
): readonly X509Certificate[] {
  return orderChain(extractCertificates(bytes), publicKey)
}

/**
 * The certificates of a file in its order, unparsed.
 *
 * @throws ChanceryError ERR_X509_FILE if there is none, there are more than 20, or the file is larger than 256 KiB.
 */
export function extractCertificates(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.length > MAX_CERTIFICATE_FILE_BYTES) {
    throw fileError(`expected at most ${MAX_CERTIFICATE_FILE_BYTES} bytes, found ${bytes.length}`)
  }
  const certificates =
    bytes[0] === DER_TAG.sequence
      ? extractDer(bytes)
      : extractPem(Buffer.from(bytes).toString('latin1'))
  if (certificates.length === 0) throw fileError('expected a certificate, found none')
  if (certificates.length > MAX_CHAIN_LENGTH) {
    throw fileError(
      `expected at most ${MAX_CHAIN_LENGTH} certificates, found ${certificates.length}`,
    )
  }
  return certificates
}

function fileError(message: string): ChanceryError {
  return new ChanceryError('ERR_X509_FILE', message, {
    hints: ['Chancery reads PEM, DER and PKCS#7 (.p7b) with certificates only.'],
  })
}

function extractPem(text: string): readonly Uint8Array[] {
  const certificates: Uint8Array[] = []
  for (const { label, bytes } of decodePem(text)) {
    switch (label) {
      case 'CERTIFICATE':
      case 'X509 CERTIFICATE':
        certificates.push(bytes)
        break
      case 'PKCS7':
      case 'CMS':
        certificates.push(...extractPkcs7(bytes))
        break
      default:
        throw fileError(`expected CERTIFICATE or PKCS7 blocks, found ${label}`)
    }
  }
  return certificates
}

/** A certificate begins with two sequences, PKCS#7 with a sequence and an OID. */
function extractDer(bytes: Uint8Array): readonly Uint8Array[] {
  const isPkcs7 = fileErrorUnless(() => readDerSequence(bytes).peekTag() === DER_TAG.oid)
  return isPkcs7 ? extractPkcs7(bytes) : [bytes]
}

/** The certificates of a SignedData without signers. Source: RFC 5652, 5.1; RFC 5751, 3.8 ("certs-only"). */
function extractPkcs7(bytes: Uint8Array): readonly Uint8Array[] {
  return fileErrorUnless(() => {
    const contentInfo = readDerSequence(bytes)
    const contentType = contentInfo.readOid()
    if (contentType !== OID.signedData) {
      throw fileError(`expected PKCS#7 signed data, found the content type ${contentType}`)
    }
    const content = contentInfo.enter(contextTag(0, 'constructed'))
    contentInfo.expectEnd()
    const signedData = content.enter()
    content.expectEnd()
    signedData.readInteger()
    signedData.read(DER_TAG.set)
    signedData.read(DER_TAG.sequence)
    const certificates = signedData.enterOptional(contextTag(0, 'constructed'))
    signedData.readOptional(contextTag(1, 'constructed'))
    if (signedData.read(DER_TAG.set).length > 0) {
      throw fileError('expected PKCS#7 with certificates only, found a signature')
    }
    signedData.expectEnd()
    const found: Uint8Array[] = []
    while (certificates?.isAtEnd === false) found.push(certificates.readAny().encoded)
    return found
  })
}

/** Says what file it should have been where the DER does not read. */
function fileErrorUnless<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError) || thrown.code !== 'ERR_FORMAT_DER') throw thrown
    throw fileError(`expected a certificate or PKCS#7 in DER: ${thrown.message}`)
  }
}
