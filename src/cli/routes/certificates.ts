import { buildCommand, buildRouteMap } from '@stricli/core'
import { SIGNATURE_ALGORITHMS } from '../../crypto/algorithms.ts'
import { argument, explain, SERVER_FLAGS, text, toggle, wholeNumber } from '../flags.ts'

const CERTIFICATE = { kind: 'tuple', parameters: [argument('Slug or id', 'CERTIFICATE')] } as const
const CERTIFICATE_AND_FILE = {
  kind: 'tuple',
  parameters: [argument('Slug', 'CERTIFICATE'), argument('File', 'FILE')],
} as const
const SLUG = {
  kind: 'tuple',
  parameters: [argument('Slug of the new certificate', 'SLUG')],
} as const

const NEW_FLAGS = {
  ...SERVER_FLAGS,
  name: text('Display name; the slug where absent'),
  algorithm: {
    kind: 'enum',
    values: SIGNATURE_ALGORITHMS,
    optional: true,
    brief: 'Key algorithm; ecdsa-p256 where absent',
  },
  commonName: text('Subject: common name; the display name where absent'),
  organizationName: text('Subject: organization'),
  organizationalUnit: text('Subject: organizational unit'),
  country: text('Subject: two letters', 'CC'),
  email: text('Subject alternative name: e-mail address', 'ADDRESS'),
} as const

const list = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).listCertificates,
  parameters: { flags: SERVER_FLAGS },
  docs: explain(
    'List the certificates',
    'Lists keys and certificates.',
    'chancery certificates list',
  ),
})

const show = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).showCertificate,
  parameters: { flags: SERVER_FLAGS, positional: CERTIFICATE },
  docs: explain(
    'Show a certificate',
    'Shows a certificate, and what some verifiers cannot do with its key.',
    'chancery certificates show release',
  ),
})

const create = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).createCertificate,
  parameters: {
    flags: {
      ...NEW_FLAGS,
      validForDays: wholeNumber('Days until it expires; 1825 where absent', 1),
    },
    positional: SLUG,
  },
  docs: explain(
    'Create a key with a self-signed certificate',
    'The key never leaves the server.',
    'chancery certificates create release --common-name "Example Ltd release signing"',
    'chancery certificates create legacy --algorithm rsa-3072',
  ),
})

const csr = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).createCsr,
  parameters: {
    flags: { ...NEW_FLAGS, output: text('Write the request to a file', 'FILE') },
    aliases: { o: 'output' },
    positional: SLUG,
  },
  docs: explain(
    'Create a key and print a certificate signing request for a CA',
    'Hand the request to a CA, then `chancery certificates upload` what it issues.',
    'chancery certificates csr release --common-name "Example Ltd" --output release.csr',
  ),
})

const upload = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).uploadCertificate,
  parameters: { flags: SERVER_FLAGS, positional: CERTIFICATE_AND_FILE },
  docs: explain(
    'Upload the certificate that a CA issued',
    'PEM, DER or PKCS#7, leaf and chain in any order; the leaf has to hold the key.',
    'chancery certificates upload release release.pem',
  ),
})

const importRoute = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).importCertificate,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      name: text('Display name; the slug where absent'),
      passphraseStdin: toggle('Read the passphrase of the file from standard input'),
      passphraseFile: text('Read the passphrase of the file from a file', 'FILE'),
    },
    positional: CERTIFICATE_AND_FILE,
  },
  docs: explain(
    'Import a key',
    'PKCS#12, PEM or cosign.key. The server keeps the key under its own master key, the passphrase nowhere.',
    'chancery certificates import release cosign.key --passphrase-stdin < passphrase.txt',
  ),
})

const { url, organization, allowHttp } = SERVER_FLAGS
const download = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).downloadCertificate,
  parameters: {
    flags: {
      url,
      organization,
      allowHttp,
      what: {
        kind: 'enum',
        values: ['public-key', 'certificate', 'chain', 'csr'],
        default: 'public-key',
        brief: 'Which file',
      },
      output: text('Write to a file instead of stdout', 'FILE'),
    },
    aliases: { o: 'output' },
    positional: CERTIFICATE,
  },
  docs: explain(
    'Download a public key, certificate, chain or CSR',
    'public-key is what `cosign verify --key` reads (PEM); certificate is DER; chain and csr are PEM.',
    'chancery certificates download release > release.pub',
    'chancery certificates download release --what chain --output chain.pem',
  ),
})

const disable = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).disableCertificate,
  parameters: { flags: SERVER_FLAGS, positional: CERTIFICATE },
  docs: explain(
    'Disable a certificate',
    'Its key signs nothing until it is enabled again.',
    'chancery certificates disable release',
  ),
})

const enable = buildCommand({
  loader: async () => (await import('../commands/certificates.ts')).enableCertificate,
  parameters: { flags: SERVER_FLAGS, positional: CERTIFICATE },
  docs: explain(
    'Enable a certificate',
    'Its key signs again.',
    'chancery certificates enable release',
  ),
})

const certificates = buildRouteMap({
  routes: { list, show, create, csr, upload, import: importRoute, download, disable, enable },
  docs: explain(
    'Keys and certificates',
    'The keys that sign, and their certificates.',
    'chancery certificates list',
  ),
})

/** Keys and certificates. */
export const certificateRoutes = { certificates }
