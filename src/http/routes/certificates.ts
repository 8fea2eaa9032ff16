import { Type } from 'typebox'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type { ArtifactFile, Download } from '../../signing/signing-service.ts'
import {
  CertificateView,
  CreateCsrBasedX509,
  CreateSelfSignedX509,
  EditCertificate,
} from '../../wire/administration.ts'
import { Created, Name, Slug } from '../../wire/shapes.ts'
import { created, FILE, json, NO_CONTENT, text } from '../answer.ts'
import { EMPTY_BODY, formBody, jsonBody, NO_BODY } from '../body.ts'
import type { BoundForm } from '../form.ts'
import { route, type Route } from '../route.ts'

const tag = 'Certificates'
const administrators = 'Global and Certificate Administrators'
const readers = 'every user'
const one = 'Certificates/{certificate}'
const PEM = 'application/x-pem-file'

/** A DER certificate under the name of its slug. */
export function certificateFile(slug: string, bytes: Uint8Array): Download {
  return { fileName: `${slug}.cer`, mediaType: 'application/pkix-cert', bytes }
}

function fileOf(form: BoundForm<unknown>, name: string): ArtifactFile {
  const file = form.files.get(name)
  if (file === undefined)
    throw new ChanceryError('ERR_HTTP_INVALID', 'expected a file part', { field: name })
  return file
}

const making: readonly Route[] = [
  route({
    method: 'POST',
    path: 'Certificates/CreateSelfSignedX509',
    operationId: 'CreateSelfSignedX509',
    tag,
    summary: 'Makes a key and a self-signed certificate',
    permission: administrators,
    body: jsonBody(CreateSelfSignedX509),
    answer: created(Created, 'Certificates/{id}'),
    handle: ({ services }, { caller, body }) =>
      services.administration.createSelfSignedX509(caller, body),
  }),
  route({
    method: 'POST',
    path: 'Certificates/CreateCsrBasedX509',
    operationId: 'CreateCsrBasedX509',
    tag,
    summary: 'Makes a key and a certificate signing request for a CA',
    permission: administrators,
    body: jsonBody(CreateCsrBasedX509),
    answer: created(Created, 'Certificates/{id}'),
    handle: ({ services }, { caller, body }) =>
      services.administration.createCsrBasedX509(caller, body),
  }),
  route({
    method: 'POST',
    path: 'Certificates/Import',
    operationId: 'ImportCertificate',
    tag,
    summary: 'Imports a key with its certificate: PKCS#12, PEM or `cosign.key`',
    permission: administrators,
    body: formBody({
      fields: Type.Object({
        slug: Slug,
        name: Name,
        passphrase: Type.Optional(Type.String({ maxLength: 1024 })),
      }),
      files: { file: 'required' },
      hasParameters: false,
    }),
    answer: created(Created, 'Certificates/{id}'),
    handle: ({ services }, { caller, body }) => {
      const { slug, name, passphrase } = body.fields
      return services.administration.importCertificate(
        caller,
        { slug, name },
        fileOf(body, 'file'),
        passphrase,
      )
    },
  }),
  route({
    method: 'POST',
    path: `${one}/UploadX509Certificate`,
    operationId: 'UploadX509Certificate',
    tag,
    summary: 'Gives a key the certificate a CA issued for it: PEM, DER or PKCS#7',
    permission: administrators,
    body: formBody({
      fields: Type.Object({}),
      files: { x509Certificate: 'required' },
      hasParameters: false,
    }),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.uploadX509Certificate(
        caller,
        params.certificate,
        fileOf(body, 'x509Certificate'),
      ),
  }),
]

const keeping: readonly Route[] = [
  route({
    method: 'GET',
    path: 'Certificates',
    operationId: 'ListCertificates',
    tag,
    summary: 'All certificates',
    permission: readers,
    body: NO_BODY,
    answer: json(Type.Object({ certificates: Type.Array(CertificateView) })),
    handle: ({ services }, { caller }) => ({
      certificates: [...services.administration.listCertificates(caller)],
    }),
  }),
  route({
    method: 'GET',
    path: one,
    operationId: 'GetCertificate',
    tag,
    summary: 'One certificate',
    permission: readers,
    body: NO_BODY,
    answer: json(CertificateView),
    handle: ({ services }, { caller, params }) =>
      services.administration.getCertificate(caller, params.certificate),
  }),
  route({
    method: 'POST',
    path: `${one}/Edit`,
    operationId: 'EditCertificate',
    tag,
    summary: 'Changes slug or name',
    permission: administrators,
    body: jsonBody(EditCertificate),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, params, body }) =>
      services.administration.editCertificate(caller, params.certificate, body),
  }),
  ...([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `${one}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}Certificate`,
      tag,
      summary: isActive ? 'Lets the key sign again' : 'Lets the key sign no more',
      permission: administrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setCertificateActive(caller, params.certificate, isActive),
    }),
  ),
]

const downloads: readonly Route[] = [
  route({
    method: 'GET',
    path: `${one}/X509Certificate`,
    preview: 'also',
    operationId: 'DownloadX509Certificate',
    tag,
    summary: 'The X.509 certificate, DER',
    permission: readers,
    body: NO_BODY,
    answer: FILE,
    handle: ({ services }, { caller, params }) =>
      certificateFile(
        'certificate',
        services.administration.downloadX509Certificate(caller, params.certificate),
      ),
  }),
  route({
    method: 'GET',
    path: `${one}/X509CertificateChain`,
    operationId: 'DownloadX509CertificateChain',
    tag,
    summary: 'The X.509 certificate and its chain, PEM, leaf first',
    permission: readers,
    body: NO_BODY,
    answer: text('application/pem-certificate-chain'),
    handle: ({ services }, { caller, params }) =>
      services.administration.downloadX509CertificateChain(caller, params.certificate),
  }),
  route({
    method: 'GET',
    path: `${one}/PublicKey`,
    operationId: 'DownloadPublicKey',
    tag,
    summary: 'The public key, PEM: what `cosign verify --key` reads',
    permission: readers,
    body: NO_BODY,
    answer: text(PEM),
    handle: ({ services }, { caller, params }) =>
      services.administration.downloadPublicKey(caller, params.certificate),
  }),
  route({
    method: 'GET',
    path: `${one}/CertificateSigningRequest`,
    operationId: 'DownloadCertificateSigningRequest',
    tag,
    summary: 'The certificate signing request, PEM',
    permission: readers,
    body: NO_BODY,
    answer: text(PEM),
    handle: ({ services }, { caller, params }) =>
      services.administration.downloadCertificateSigningRequest(caller, params.certificate),
  }),
]

/** Keys and their certificates; `{certificate}` is a slug or an id. */
export const CERTIFICATE_ROUTES: readonly Route[] = [...making, ...keeping, ...downloads]
