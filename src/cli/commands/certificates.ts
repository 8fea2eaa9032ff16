import { basename } from 'node:path'
import type { CertificateFile } from '../../client/contract.ts'
import type { SignatureAlgorithm } from '../../crypto/algorithms.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type { CertificateView } from '../../wire/administration.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { ServerFlags } from '../flags.ts'
import { readUserFile, writeUserFile } from '../local-files.ts'
import { formatFields, formatTable } from '../text-table.ts'

/** The flags of `chancery certificates create` and `csr`. */
export interface CreateCertificateFlags extends ServerFlags {
  readonly name?: string
  readonly algorithm?: SignatureAlgorithm
  readonly commonName?: string
  readonly organizationName?: string
  readonly organizationalUnit?: string
  readonly country?: string
  readonly email?: string
}

/** What `chancery certificates download` can fetch, by its flag's value. */
const DOWNLOADS = {
  'public-key': 'PublicKey',
  certificate: 'X509Certificate',
  chain: 'X509CertificateChain',
  csr: 'CertificateSigningRequest',
} as const satisfies Record<string, CertificateFile>

const MAX_FILE_BYTES = 1024 * 1024

/** `chancery certificates list` */
export async function listCertificates(this: CliContext, flags: ServerFlags): Promise<void> {
  const client = await connect(this, flags)
  const certificates = await client.administration.listCertificates()
  this.output.result(flags.json, { certificates }, () =>
    formatTable(
      ['SLUG', 'ALGORITHM', 'TYPE', 'VALID TO', 'ACTIVE', 'SUBJECT'],
      certificates.map((certificate) => [
        certificate.slug,
        certificate.algorithm,
        certificate.type,
        certificate.x509CertificateData?.validTo.slice(0, 10) ?? '',
        certificate.isActive ? 'yes' : 'no',
        certificate.x509CertificateData?.subject ?? '',
      ]),
    ),
  )
}

/** `chancery certificates show` */
export async function showCertificate(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const certificate = await client.administration.getCertificate(slug)
  warn(this, certificate)
  this.output.result(flags.json, certificate, () => describeCertificate(certificate))
}

/** `chancery certificates create` */
export async function createCertificate(
  this: CliContext,
  flags: CreateCertificateFlags & { readonly validForDays?: number },
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const { validForDays } = flags
  await client.administration.createSelfSignedX509({
    ...describeNew(flags, slug),
    ...(validForDays === undefined ? {} : { validForDays }),
  })
  await showCertificate.call(this, flags, slug)
}

/** `chancery certificates csr` */
export async function createCsr(
  this: CliContext,
  flags: CreateCertificateFlags & { readonly output?: string },
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const { id } = await client.administration.createCsrBasedX509(describeNew(flags, slug))
  const { bytes } = await client.administration.downloadCertificateFile(
    slug,
    'CertificateSigningRequest',
  )
  const csr = new TextDecoder().decode(bytes)
  if (flags.output !== undefined) {
    await writeUserFile(flags.output, bytes)
    this.output.progress(`wrote the certificate signing request to ${flags.output}`)
  }
  this.output.result(flags.json, { id, slug, certificateSigningRequest: csr }, () =>
    flags.output === undefined ? csr : `Created the key of ${slug} (${id}).`,
  )
}

/** `chancery certificates upload` */
export async function uploadCertificate(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
  path: string,
): Promise<void> {
  const bytes = await readUserFile(path, MAX_FILE_BYTES)
  const client = await connect(this, flags)
  await client.administration.uploadX509Certificate(slug, { fileName: basename(path), bytes })
  await showCertificate.call(this, flags, slug)
}

/** `chancery certificates import` */
export async function importCertificate(
  this: CliContext,
  flags: ServerFlags & {
    readonly name?: string
    readonly passphraseStdin?: boolean
    readonly passphraseFile?: string
  },
  slug: string,
  path: string,
): Promise<void> {
  const passphrase = await readPassphrase(this, flags)
  const bytes = await readUserFile(path, MAX_FILE_BYTES)
  const client = await connect(this, flags)
  const named = { slug, name: flags.name ?? slug }
  await client.administration.importCertificate(
    named,
    { fileName: basename(path), bytes },
    passphrase,
  )
  await showCertificate.call(this, flags, slug)
}

/** `chancery certificates download` */
export async function downloadCertificate(
  this: CliContext,
  flags: Omit<ServerFlags, 'json'> & {
    readonly what: keyof typeof DOWNLOADS
    readonly output?: string
  },
  slug: string,
): Promise<void> {
  const isDer = flags.what === 'certificate'
  if (isDer && flags.output === undefined && process.stdout.isTTY) {
    throw new ChanceryError('ERR_CLI_USAGE', 'expected --output: a DER certificate is no text', {
      hints: ['`--what chain` is PEM.'],
    })
  }
  const client = await connect(this, flags)
  const { bytes } = await client.administration.downloadCertificateFile(slug, DOWNLOADS[flags.what])
  if (flags.output === undefined) this.output.raw(bytes)
  else await writeUserFile(flags.output, bytes)
}

/** `chancery certificates disable` */
export async function disableCertificate(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setCertificateActive(slug, false)
  this.output.result(flags.json, { slug, isActive: false }, () => `${slug} signs nothing any more.`)
}

/** `chancery certificates enable` */
export async function enableCertificate(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setCertificateActive(slug, true)
  this.output.result(flags.json, { slug, isActive: true }, () => `${slug} signs again.`)
}

function describeNew(
  flags: CreateCertificateFlags,
  slug: string,
): {
  slug: string
  name: string
  algorithm?: SignatureAlgorithm
  subject: {
    commonName: string
    organization?: string
    organizationalUnit?: string
    country?: string
    emailAddress?: string
  }
} {
  const { algorithm, organizationName, organizationalUnit, country, email } = flags
  return {
    slug,
    name: flags.name ?? slug,
    ...(algorithm === undefined ? {} : { algorithm }),
    subject: {
      commonName: flags.commonName ?? flags.name ?? slug,
      ...(organizationName === undefined ? {} : { organization: organizationName }),
      ...(organizationalUnit === undefined ? {} : { organizationalUnit }),
      ...(country === undefined ? {} : { country }),
      ...(email === undefined ? {} : { emailAddress: email }),
    },
  }
}

async function readPassphrase(
  context: CliContext,
  flags: { readonly passphraseStdin?: boolean; readonly passphraseFile?: string },
): Promise<string | undefined> {
  if (flags.passphraseFile !== undefined) {
    const text = new TextDecoder().decode(await readUserFile(flags.passphraseFile, MAX_FILE_BYTES))
    return text.replace(/\r?\n$/, '')
  }
  if (flags.passphraseStdin !== true) return undefined
  return (await context.readStandardInput()).replace(/\r?\n$/, '')
}

function warn(context: CliContext, certificate: CertificateView): void {
  for (const warning of certificate.warnings) context.output.warn(warning)
}

function describeCertificate(certificate: CertificateView): string {
  const x509 = certificate.x509CertificateData
  return formatFields([
    ['Certificate', `${certificate.slug} (${certificate.name})`],
    ['Id', certificate.id],
    ['Algorithm', certificate.algorithm],
    ['Active', certificate.isActive ? 'yes' : 'no'],
    ['Public key', `sha256:${certificate.publicKeyFingerprint}`],
    ['Created', x509?.creationMethod ?? 'Csr, without a certificate yet'],
    ['Subject', x509?.subject],
    ['Issuer', x509?.issuer],
    ['Serial number', x509?.serialNumber],
    ['Valid', x509 === null ? null : `${x509.validFrom} to ${x509.validTo}`],
  ])
}
