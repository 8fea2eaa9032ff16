import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, DerReader, readDerSequence } from '../format/der-reader.ts'
import { encodeDer, encodeSequence } from '../format/der-writer.ts'
import type { X509Certificate } from './certificate.ts'
import { OID } from './oids.ts'

/**
 * The list of certificate timestamps that a certificate carries, as TLS encodes it; undefined where it carries none.
 *
 * @throws ChanceryError ERR_FORMAT_DER if the extension is not one OCTET STRING.
 * Source: RFC 6962, 3.3.
 */
export function readEmbeddedScts(certificate: X509Certificate): Uint8Array | undefined {
  const extension = certificate.extensions.get(OID.certificateTimestamps)
  if (extension === undefined) return undefined
  const reader = new DerReader(extension.value)
  const list = reader.read(DER_TAG.octetString)
  reader.expectEnd()
  return list
}

/**
 * The body of a certificate as the logs saw it: without the list of their timestamps, everything else byte for byte as it
 * is. Parsed certificates are DER throughout, so there is one way to write the lengths that become shorter.
 *
 * @returns DER TBSCertificate.
 * @throws ChanceryError ERR_X509_CERTIFICATE if the certificate has no other extension.
 * Source: RFC 6962, 3.2.
 */
export function encodePrecertificateBody(certificate: X509Certificate): Uint8Array {
  const body = readDerSequence(certificate.signedBytes)
  const parts: Uint8Array[] = []
  while (!body.isAtEnd) {
    const { tag, content, encoded } = body.readAny()
    const isExtensions = tag === contextTag(3, 'constructed')
    parts.push(isExtensions ? encodeDer(tag, withoutTimestamps(content)) : encoded)
  }
  return encodeSequence(...parts)
}

function withoutTimestamps(extensions: Uint8Array): Uint8Array {
  const reader = readDerSequence(extensions)
  const kept: Uint8Array[] = []
  while (!reader.isAtEnd) {
    const { content, encoded } = reader.readAny()
    if (new DerReader(content).readOid() !== OID.certificateTimestamps) kept.push(encoded)
  }
  if (kept.length === 0) {
    throw new ChanceryError(
      'ERR_X509_CERTIFICATE',
      'expected an X.509 certificate with extensions beside its timestamps',
    )
  }
  return encodeSequence(...kept)
}
