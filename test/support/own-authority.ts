import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from './child-process.ts'
import { component } from './components.ts'

/** The identity in the certificate of {@link createOwnAuthority}. */
export const OWN_IDENTITY = 'release@acme.test'

/** The files that {@link createOwnAuthority} makes, as absolute paths. */
export interface OwnAuthority {
  /** PEM of the root alone, and of the authority below it alone. */
  readonly root: string
  readonly intermediate: string
  /** PEM of both, that of the root last. */
  readonly chain: string
  /** PEM of the certificate of the key that signs: for an e-mail address, good for code signing. */
  readonly certificate: string
  /** The key that signs: PKCS#8 PEM, not encrypted, and its SubjectPublicKeyInfo. */
  readonly privateKey: string
  readonly publicKey: string
  /** A `trusted_root.json` with the authority. */
  readonly trustedRoot: string
}

const EXTENSIONS = {
  root: 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n',
  intermediate:
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n',
  certificate:
    'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n' +
    `extendedKeyUsage=codeSigning\nsubjectAltName=email:${OWN_IDENTITY}\n`,
} as const

/**
 * Makes, with OpenSSL, what an organisation with a certification authority of its own has: a root, an authority below it,
 * and a P-256 key with a certificate.
 *
 * @param directory An existing directory; all files lie in it.
 * @throws Error if OpenSSL is absent or refuses.
 */
export async function createOwnAuthority(directory: string): Promise<OwnAuthority> {
  const path = (name: string): string => join(directory, name)
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runProgram(component('openssl').path, args, { cwd: directory })
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
  }
  const certify = async (name: keyof typeof EXTENSIONS, issuer?: string): Promise<void> => {
    const key = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
    await openssl('genpkey', ...key, '-out', `${name}.key`)
    await writeFile(path(`${name}.ext`), EXTENSIONS[name])
    const request = ['-new', '-key', `${name}.key`, '-subj', `/O=Acme/CN=Acme ${name}`]
    await openssl('req', ...request, '-out', `${name}.csr`)
    const by =
      issuer === undefined
        ? ['-signkey', `${name}.key`]
        : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
    const profile = ['-days', '365', '-extfile', `${name}.ext`, '-out', `${name}.pem`]
    await openssl('x509', '-req', '-in', `${name}.csr`, ...by, ...profile)
  }
  await certify('root')
  await certify('intermediate', 'root')
  await certify('certificate', 'intermediate')
  await openssl('pkey', '-in', 'certificate.key', '-pubout', '-out', 'certificate.pub')
  const above = await Promise.all(
    ['intermediate.pem', 'root.pem'].map((name) => readFile(path(name), 'utf8')),
  )
  await writeFile(path('chain.pem'), above.join(''))
  await writeFile(path('trusted_root.json'), JSON.stringify(trustedRootOf(above)))
  return {
    root: path('root.pem'),
    intermediate: path('intermediate.pem'),
    chain: path('chain.pem'),
    certificate: path('certificate.pem'),
    privateKey: path('certificate.key'),
    publicKey: path('certificate.pub'),
    trustedRoot: path('trusted_root.json'),
  }
}

function trustedRootOf(chain: readonly string[]): object {
  const certificates = chain.map((pem) => ({ rawBytes: pem.replace(/-----.*?-----|\s/g, '') }))
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [
      {
        subject: { organization: 'Acme', commonName: 'Acme root' },
        uri: 'https://ca.acme.test',
        certChain: { certificates },
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
    ],
  }
}
