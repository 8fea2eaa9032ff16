import type { Certificate } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from '../format/base64.ts'
import { encodePem } from '../format/pem.ts'
import { readCertificateFile } from '../x509/certificate-file.ts'
import type { Administration } from './administration.ts'
import { createKeyAdministration, requireCertificateAdministrator } from './certificate-keys.ts'
import { viewCertificate } from './certificate-view.ts'
import { requireName, requireSlug } from './configuration-value.ts'
import { getCertificate, getProject, getSigningPolicy, missing } from './find-object.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about certificates. */
export type CertificateAdministration = Pick<
  Administration,
  | 'listCertificates'
  | 'getCertificate'
  | 'createSelfSignedX509'
  | 'createCsrBasedX509'
  | 'uploadX509Certificate'
  | 'importCertificate'
  | 'editCertificate'
  | 'setCertificateActive'
  | 'downloadX509Certificate'
  | 'downloadX509CertificateChain'
  | 'downloadPublicKey'
  | 'downloadCertificateSigningRequest'
  | 'getSigningPolicyCertificate'
>

/** Certificates and their keys. What is public about them is open to every user of the organization. */
export function createCertificateAdministration(services: Services): CertificateAdministration {
  const { catalog, changes, now } = services
  return {
    ...createKeyAdministration(services),

    listCertificates: ({ principal }) =>
      catalog
        .list('certificate', principal.organizationId)
        .map((certificate) => viewCertificate(certificate, now())),

    getCertificate: ({ principal }, certificate) =>
      viewCertificate(getCertificate(catalog, principal, certificate), now()),

    uploadX509Certificate: (caller, certificate, upload) =>
      changes.run(caller, (principal) => {
        requireCertificateAdministrator(principal)
        const before = getCertificate(catalog, principal, certificate)
        const chain = readCertificateFile(upload.bytes, decodeBase64(before.publicKey))
        const after: Certificate = {
          ...before,
          version: before.version + 1,
          chain: chain.map(({ der }) => encodeBase64(der)),
        }
        return { objects: [{ after, deed: 'X509CertificateUploaded' }], result: undefined }
      }),

    editCertificate: (caller, certificate, edit) =>
      changes.run(caller, (principal) => {
        requireCertificateAdministrator(principal)
        const before = getCertificate(catalog, principal, certificate)
        const after: Certificate = {
          ...before,
          version: before.version + 1,
          slug: edit.slug === undefined ? before.slug : requireSlug(edit.slug),
          name: edit.name === undefined ? before.name : requireName(edit.name),
        }
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    setCertificateActive: (caller, certificate, isActive) =>
      changes.run(caller, (principal) => {
        requireCertificateAdministrator(principal)
        const before = getCertificate(catalog, principal, certificate)
        const after: Certificate = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),

    downloadX509Certificate({ principal }, certificate) {
      const found = getCertificate(catalog, principal, certificate)
      return decodeBase64(requirePart(found, found.chain[0], 'X.509 certificate'))
    },

    downloadX509CertificateChain({ principal }, certificate) {
      const found = getCertificate(catalog, principal, certificate)
      requirePart(found, found.chain[0], 'X.509 certificate')
      return found.chain.map((der) => encodePem('CERTIFICATE', decodeBase64(der))).join('')
    },

    downloadPublicKey({ principal }, certificate) {
      const found = getCertificate(catalog, principal, certificate)
      return encodePem('PUBLIC KEY', decodeBase64(found.publicKey))
    },

    downloadCertificateSigningRequest({ principal }, certificate) {
      const found = getCertificate(catalog, principal, certificate)
      const request = found.certificateSigningRequest ?? undefined
      const der = decodeBase64(requirePart(found, request, 'certificate signing request'))
      return encodePem('CERTIFICATE REQUEST', der)
    },

    getSigningPolicyCertificate({ principal }, project, slug) {
      const parent = getProject(catalog, principal, project)
      const policy = getSigningPolicy(catalog, principal, parent, slug)
      const certificate = catalog.find('certificate', policy.certificateId)
      if (certificate === undefined) throw missing(principal, 'certificate', policy.certificateId)
      return viewCertificate(certificate, now())
    },
  }
}

function requirePart(certificate: Certificate, part: string | undefined, what: string): string {
  if (part !== undefined) return part
  throw new ChanceryError(
    'ERR_ADMINISTRATION_NO_CERTIFICATE',
    `the certificate '${certificate.slug}' has no ${what}`,
    {
      hints:
        certificate.certificateSigningRequest === null
          ? ['its public key can be downloaded']
          : ['have its certificate signing request signed, and upload what the CA issues'],
    },
  )
}
