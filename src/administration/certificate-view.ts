import type { Certificate } from '../catalog/objects.ts'
import { ALGORITHMS } from '../crypto/algorithms.ts'
import { sha256Hex } from '../crypto/digest.ts'
import { decodeBase64 } from '../format/base64.ts'
import type { CertificateView } from '../wire/administration.ts'
import { allowsCodeSigning, parseCertificate, type X509Certificate } from '../x509/certificate.ts'

/**
 * A certificate as it is shown, with what may keep others from verifying its signatures.
 *
 * @param now Milliseconds since 1970.
 */
export function viewCertificate(certificate: Certificate, now: number): CertificateView {
  const { id, version, isActive, slug, name, algorithm, keyStore, keyId } = certificate
  const leaf = certificate.chain[0]
  const x509 = leaf === undefined ? undefined : parseCertificate(decodeBase64(leaf))
  return {
    id,
    version,
    isActive,
    slug,
    name,
    type: x509 === undefined ? 'KeyPair' : 'X509',
    algorithm,
    keyStore,
    keyId,
    publicKeyFingerprint: sha256Hex(decodeBase64(certificate.publicKey)),
    x509CertificateData:
      x509 === undefined
        ? null
        : {
            creationMethod: certificate.creationMethod,
            subject: x509.subject,
            issuer: x509.issuer,
            serialNumber: x509.serialNumber,
            thumbprint: x509.thumbprint,
            validFrom: x509.notBefore.toISOString(),
            validTo: x509.notAfter.toISOString(),
          },
    warnings: [
      ...ALGORITHMS[algorithm].warnings,
      ...(x509 === undefined ? [] : certificateWarnings(x509, now)),
    ],
  }
}

function certificateWarnings(certificate: X509Certificate, now: number): readonly string[] {
  const { notBefore, notAfter } = certificate
  const warnings: string[] = []
  if (now < notBefore.getTime()) {
    warnings.push(`The certificate is not valid before ${notBefore.toISOString()}.`)
  }
  if (now > notAfter.getTime()) {
    warnings.push(`The certificate expired at ${notAfter.toISOString()}.`)
  }
  if (!allowsCodeSigning(certificate)) {
    warnings.push('The certificate is not for code signing: its extended key usage leaves it out.')
  }
  return warnings
}
