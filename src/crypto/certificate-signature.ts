import { X509Certificate } from 'node:crypto'
import { openPublicKey } from './private-key.ts'

/**
 * True if the certificate's signature was made by the holder of this public key. It says nothing about validity, names
 * or extensions.
 *
 * @param certificate DER Certificate.
 * @param issuerPublicKey DER SubjectPublicKeyInfo, of any algorithm that OpenSSL knows.
 */
export function isCertificateSignedBy(
  certificate: Uint8Array,
  issuerPublicKey: Uint8Array,
): boolean {
  try {
    return new X509Certificate(certificate).verify(openPublicKey(issuerPublicKey))
  } catch {
    return false
  }
}
