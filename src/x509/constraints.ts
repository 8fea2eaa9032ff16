import { DER_TAG, readDerSequence, DerReader } from '../format/der-reader.ts'
import type { X509Certificate } from './certificate.ts'
import { OID } from './oids.ts'

const MAX_PATH_LENGTH = 1000

/**
 * The most intermediate authorities that may stand between this authority and a leaf; undefined for any number.
 *
 * @throws ChanceryError ERR_FORMAT_DER if the extension is malformed.
 * Source: RFC 5280, 4.2.1.9.
 */
export function readPathLength(certificate: X509Certificate): number | undefined {
  const extension = certificate.extensions.get(OID.basicConstraints)
  if (extension === undefined) return undefined
  const constraints = readDerSequence(extension.value)
  if (constraints.peekTag() === DER_TAG.boolean) constraints.readBoolean()
  if (constraints.isAtEnd) return undefined
  const length = constraints.readSmallInteger(MAX_PATH_LENGTH)
  constraints.expectEnd()
  return length
}

/** The bits of keyUsage that decide about signatures. */
const KEY_USAGE_BITS = { digitalSignature: 0, certificateSigning: 5 } as const

/**
 * Whether a certificate's key may be used so: its keyUsage says so, or it has none.
 *
 * @throws ChanceryError ERR_FORMAT_DER if the extension is malformed.
 * Source: RFC 5280, 4.2.1.3.
 */
export function allowsKeyUsage(
  certificate: X509Certificate,
  usage: keyof typeof KEY_USAGE_BITS,
): boolean {
  const extension = certificate.extensions.get(OID.keyUsage)
  if (extension === undefined) return true
  const reader = new DerReader(extension.value)
  const [, firstBits = 0] = reader.read(DER_TAG.bitString)
  reader.expectEnd()
  return (firstBits & (0x80 >> KEY_USAGE_BITS[usage])) !== 0
}
