import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { BundleTrust } from '../verify/bundle-trust.ts'
import type { ExpectedIdentity, ExpectedWorkflow } from '../verify/certificate-identity.ts'
import { trustOwnAuthorities } from '../verify/own-authorities.ts'
import { readPublicKeyFile } from '../verify/public-key-file.ts'
import type { ExpectedSigner } from '../verify/signing-evidence.ts'
import { loadTrustedRoot, type TrustedRoot } from '../verify/trusted-root.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { extractCertificates, MAX_CERTIFICATE_FILE_BYTES } from '../x509/certificate-file.ts'
import { aboutFile, readUserFile } from './local-files.ts'
import type { TrustFlags } from './trust-flags.ts'

/** Whom the flags say to trust, and what they require. */
export interface SignerTrust {
  readonly trust: BundleTrust
  readonly expected: ExpectedSigner
}

const MAX_KEY_BYTES = 256 * 1024
const MAX_ROOT_BYTES = 4 * 1024 * 1024

/**
 * Reads whom to trust: a key; or authorities, by a trusted root or certificates of an own one, and whose certificate it
 * has to be. With a trusted root an entry of a trusted log is required, unless --insecure-ignore-tlog is given, and a
 * timestamp of one of its certificate transparency logs, where it has any, unless --insecure-ignore-sct is given; an own
 * authority has neither.
 *
 * @throws ChanceryError ERR_CLI_USAGE if the flags do not go together, or ask for what cannot be.
 * @throws ChanceryError ERR_CLI_FILE, ERR_VERIFY_KEY, ERR_FORMAT_TRUSTED_ROOT, ERR_X509_FILE if a file is not what it
 * should be.
 */
export async function readTrust(flags: TrustFlags): Promise<SignerTrust> {
  const own = await readOwnAuthorities(flags)
  const identity = readIdentity(flags, own !== undefined)
  const trustedRoot = own ?? (await readTrustedRoot(flags))
  const requires = readRequired(flags, trustedRoot, own !== undefined)
  if (flags.key !== undefined) {
    const bytes = await readUserFile(flags.key, MAX_KEY_BYTES)
    const publicKey = await aboutFile(
      flags.key,
      () => new VerificationKey(readPublicKeyFile(bytes)),
    )
    const trust = trustedRoot === undefined ? { publicKey } : { publicKey, trustedRoot }
    return { trust, expected: { requires } }
  }
  if (trustedRoot === undefined || identity === undefined) {
    throw usageError('expected --trusted-root, --ca-roots or --certificate-chain with an identity')
  }
  const [signerCertificate, another] = await readCertificates(flags.certificate)
  if (another !== undefined) throw usageError('expected one certificate with --certificate')
  return {
    trust: { trustedRoot },
    expected: {
      certificate: identity,
      requires,
      ...(signerCertificate === undefined ? {} : { signerCertificate }),
    },
  }
}

/** Whose certificate it has to be; undefined where a key is given. */
function readIdentity(flags: TrustFlags, isOwn: boolean): ExpectedIdentity | undefined {
  const pairs = {
    identity: flags.certificateIdentity,
    identityPattern: flags.certificateIdentityPattern,
    issuer: flags.certificateOidcIssuer,
    issuerPattern: flags.certificateOidcIssuerPattern,
  }
  const workflow = readWorkflow(flags)
  const given = Object.values({ ...pairs, workflow, certificate: flags.certificate })
  const hasIdentity = given.some((value) => value !== undefined)
  if (hasIdentity === (flags.key !== undefined)) {
    throw usageError(
      'expected either --key, or --certificate-identity and --certificate-oidc-issuer',
    )
  }
  if (!hasIdentity) return undefined
  // Certificates of an own authority hardly ever name an issuer: the authority is it.
  const hasIssuer = pairs.issuer !== undefined || pairs.issuerPattern !== undefined
  if (isOwn && !hasIssuer) pairs.issuerPattern = '*'
  requireOne('certificate-identity', pairs.identity, pairs.identityPattern)
  requireOne('certificate-oidc-issuer', pairs.issuer, pairs.issuerPattern)
  return { ...withoutUndefined(pairs), ...(workflow === undefined ? {} : { workflow }) }
}

function readWorkflow(flags: TrustFlags): ExpectedWorkflow | undefined {
  const workflow = withoutUndefined({
    trigger: flags.certificateGithubWorkflowTrigger,
    sha: flags.certificateGithubWorkflowSha,
    name: flags.certificateGithubWorkflowName,
    repository: flags.certificateGithubWorkflowRepository,
    ref: flags.certificateGithubWorkflowRef,
  })
  return Object.keys(workflow).length === 0 ? undefined : workflow
}

function withoutUndefined(
  members: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
}

function requireOne(name: string, exact: string | undefined, pattern: string | undefined): void {
  const isOne = (exact === undefined) !== (pattern === undefined)
  if (isOne && exact !== '' && pattern !== '') return
  throw usageError(`expected either --${name} or --${name}-pattern, not empty`, [
    'A pattern of * accepts anything.',
  ])
}

async function readTrustedRoot({ trustedRoot }: TrustFlags): Promise<TrustedRoot | undefined> {
  if (trustedRoot === undefined) return undefined
  const bytes = await readUserFile(trustedRoot, MAX_ROOT_BYTES)
  return aboutFile(trustedRoot, () => loadTrustedRoot(bytes))
}

/** An authority that the flags give as certificates; undefined where they give none. */
async function readOwnAuthorities(flags: TrustFlags): Promise<TrustedRoot | undefined> {
  const { caRoots, caIntermediates, certificateChain, timestampCertificateChain } = flags
  const files = [caRoots, caIntermediates, certificateChain, timestampCertificateChain]
  if (files.every((file) => file === undefined)) return undefined
  if (flags.trustedRoot !== undefined || flags.key !== undefined) {
    throw usageError(
      'expected certificates of an own authority without --key and without --trusted-root',
    )
  }
  if ((caRoots === undefined) === (certificateChain === undefined)) {
    throw usageError('expected either --ca-roots or --certificate-chain')
  }
  if (certificateChain !== undefined && caIntermediates !== undefined) {
    throw usageError('expected --ca-intermediates with --ca-roots only')
  }
  const chain = await readCertificates(certificateChain)
  return trustOwnAuthorities({
    roots: certificateChain === undefined ? await readCertificates(caRoots) : chain.slice(-1),
    intermediates: [...chain.slice(0, -1), ...(await readCertificates(caIntermediates))],
    timestampChain: await readCertificates(timestampCertificateChain),
  })
}

/** The certificates of a file; none where there is no file. */
async function readCertificates(file: string | undefined): Promise<readonly Uint8Array[]> {
  if (file === undefined) return []
  const bytes = await readUserFile(file, MAX_CERTIFICATE_FILE_BYTES)
  return aboutFile(file, () => {
    const certificates = extractCertificates(bytes)
    for (const der of certificates) parseCertificate(der)
    return certificates
  })
}

function readRequired(
  flags: TrustFlags,
  trustedRoot: TrustedRoot | undefined,
  isOwn: boolean,
): NonNullable<ExpectedSigner['requires']> {
  const isWithoutLog = trustedRoot === undefined || isOwn || flags.insecureIgnoreTlog === true
  const log = isWithoutLog ? 0 : 1
  const timestamp = flags.useSignedTimestamps === true ? 1 : 0
  if (log > 0 && trustedRoot?.logs.length === 0) {
    throw usageError('expected --insecure-ignore-tlog: the trusted root names no log', [
      'A certificate then has to be valid today, or at the time of a trusted timestamp.',
    ])
  }
  const authorities = trustedRoot?.timestampAuthorities.length ?? 0
  if (timestamp > 0 && authorities === 0) {
    throw usageError(
      'expected a timestamp authority, in --trusted-root or as --timestamp-certificate-chain, ' +
        'with --use-signed-timestamps',
    )
  }
  // Left out, the trusted root decides.
  return { log, timestamp, ...(flags.insecureIgnoreSct === true ? { sct: 0 } : {}) }
}

function usageError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}
