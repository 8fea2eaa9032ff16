import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { BundleTrust } from '../verify/bundle-trust.ts'
import type { ExpectedIdentity } from '../verify/certificate-identity.ts'
import { readPublicKeyFile } from '../verify/public-key-file.ts'
import type { ExpectedSigner } from '../verify/signing-evidence.ts'
import { loadTrustedRoot, type TrustedRoot } from '../verify/trusted-root.ts'
import { readUserFile } from './local-files.ts'
import type { TrustFlags } from './trust-flags.ts'

/** Whom the flags say to trust, and what they require. */
export interface SignerTrust {
  readonly trust: BundleTrust
  readonly expected: ExpectedSigner
}

const MAX_KEY_BYTES = 256 * 1024
const MAX_ROOT_BYTES = 4 * 1024 * 1024

/**
 * Reads whom to trust: a key, or authorities and whose certificate it has to be. With authorities an entry of a trusted
 * log is required, unless --insecure-ignore-tlog is given, and a timestamp of one of its certificate transparency logs, where
 * it has any, unless --insecure-ignore-sct is given.
 *
 * @throws ChanceryError ERR_CLI_USAGE if the flags do not go together, or ask for what cannot be.
 * @throws ChanceryError ERR_CLI_FILE, ERR_VERIFY_KEY, ERR_FORMAT_TRUSTED_ROOT, ... if a file is not what it should be.
 */
export async function readTrust(flags: TrustFlags): Promise<SignerTrust> {
  const certificate = readIdentity(flags)
  const trustedRoot = await readTrustedRoot(flags)
  const requires = readRequired(flags, trustedRoot)
  if (flags.key !== undefined) {
    const publicKey = new VerificationKey(
      readPublicKeyFile(await readUserFile(flags.key, MAX_KEY_BYTES)),
    )
    const trust = trustedRoot === undefined ? { publicKey } : { publicKey, trustedRoot }
    return { trust, expected: { requires } }
  }
  if (trustedRoot === undefined || certificate === undefined) {
    throw usageError('expected --trusted-root with an identity')
  }
  return { trust: { trustedRoot }, expected: { certificate, requires } }
}

/** Whose certificate it has to be; undefined where a key is given. */
function readIdentity(flags: TrustFlags): ExpectedIdentity | undefined {
  const identity = {
    ...(flags.certificateIdentity === undefined ? {} : { identity: flags.certificateIdentity }),
    ...(flags.certificateIdentityPattern === undefined
      ? {}
      : { identityPattern: flags.certificateIdentityPattern }),
    ...(flags.certificateOidcIssuer === undefined ? {} : { issuer: flags.certificateOidcIssuer }),
    ...(flags.certificateOidcIssuerPattern === undefined
      ? {}
      : { issuerPattern: flags.certificateOidcIssuerPattern }),
  }
  const hasIdentity = Object.keys(identity).length > 0
  if (hasIdentity === (flags.key !== undefined)) {
    throw usageError(
      'expected either --key, or --certificate-identity and --certificate-oidc-issuer',
    )
  }
  if (!hasIdentity) return undefined
  requireOne('certificate-identity', identity.identity, identity.identityPattern)
  requireOne('certificate-oidc-issuer', identity.issuer, identity.issuerPattern)
  return identity
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
  return loadTrustedRoot(await readUserFile(trustedRoot, MAX_ROOT_BYTES))
}

function readRequired(
  flags: TrustFlags,
  trustedRoot: TrustedRoot | undefined,
): NonNullable<ExpectedSigner['requires']> {
  const log = trustedRoot === undefined || flags.insecureIgnoreTlog === true ? 0 : 1
  const timestamp = flags.useSignedTimestamps === true ? 1 : 0
  if (log > 0 && trustedRoot?.logs.length === 0) {
    throw usageError('expected --insecure-ignore-tlog: the trusted root names no log', [
      'A certificate then has to be valid today, or at the time of a trusted timestamp.',
    ])
  }
  const authorities = trustedRoot?.timestampAuthorities.length ?? 0
  if (timestamp > 0 && authorities === 0) {
    throw usageError(
      'expected a timestamp authority in --trusted-root, with --use-signed-timestamps',
    )
  }
  // Left out, the trusted root decides.
  return { log, timestamp, ...(flags.insecureIgnoreSct === true ? { sct: 0 } : {}) }
}

function usageError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}
