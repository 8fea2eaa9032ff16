import { ChanceryError } from '../../errors/chancery-error.ts'
import { MAX_BUNDLE_BYTES } from '../../format/bundle.ts'
import { sha256Hex } from '../../crypto/digest.ts'
import type { ExpectedIdentity } from '../../verify/certificate-identity.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import { loadTrustedRoot } from '../../verify/trusted-root.ts'
import { type BundleTrust, type VerifiedBundle, verifyBundle } from '../../verify/verify-bundle.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { readUserFile } from '../local-files.ts'

/** The flags of `chancery verify-blob`; those that cosign has are named as there. */
export interface VerifyBlobFlags extends JsonFlag {
  readonly bundle: string
  readonly key?: string
  readonly trustedRoot?: string
  readonly certificateIdentity?: string
  readonly certificateIdentityPattern?: string
  readonly certificateOidcIssuer?: string
  readonly certificateOidcIssuerPattern?: string
  readonly useSignedTimestamps?: boolean
  readonly insecureIgnoreTlog?: boolean
  readonly insecureIgnoreSct?: boolean
}

const MAX_KEY_BYTES = 256 * 1024
const MAX_ROOT_BYTES = 4 * 1024 * 1024

/** The most bytes of a file that is verified: 1 GiB. */
const MAX_ARTIFACT_BYTES = 1024 * 1024 * 1024

/**
 * `chancery verify-blob`: verifies a file with its bundle, without a network; with `--json` what was proven as one
 * document on stdout.
 *
 * @throws ChanceryError ERR_CLI_USAGE if the flags do not go together.
 * @throws ChanceryError as {@link verifyBundle} does.
 */
export async function verifyBlob(
  this: CliContext,
  flags: VerifyBlobFlags,
  file: string,
): Promise<void> {
  const certificate = readIdentity(flags)
  const trust = await readTrust(flags)
  const bundle = await readUserFile(flags.bundle, MAX_BUNDLE_BYTES)
  const bytes = await readUserFile(file, MAX_ARTIFACT_BYTES)
  const verified = verifyBundle(
    bundle,
    trust,
    {
      artifact: { bytes },
      ...(certificate === undefined ? {} : { certificate }),
      requires: {
        log: trust.trustedRoot === undefined || flags.insecureIgnoreTlog === true ? 0 : 1,
        timestamp: flags.useSignedTimestamps === true ? 1 : 0,
      },
    },
    new Date(),
  )
  this.output.progress(`Verified ${file}`)
  const document = print(verified, sha256Hex(bytes))
  for (const line of describe(document)) this.output.progress(`  ${line}`)
  this.output.result(flags.json === true, document, () => '')
}

/** Whose certificate it has to be; undefined where a key is given. */
function readIdentity(flags: VerifyBlobFlags): ExpectedIdentity | undefined {
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
  return hasIdentity ? identity : undefined
}

async function readTrust(flags: VerifyBlobFlags): Promise<BundleTrust> {
  const { key, trustedRoot: path } = flags
  const trustedRoot =
    path === undefined ? undefined : loadTrustedRoot(await readUserFile(path, MAX_ROOT_BYTES))
  if (key !== undefined) {
    const publicKey = readPublicKeyFile(await readUserFile(key, MAX_KEY_BYTES))
    return trustedRoot === undefined ? { publicKey } : { publicKey, trustedRoot }
  }
  if (trustedRoot === undefined) throw usageError('expected --trusted-root with an identity')
  if (trustedRoot.hasCertificateLogs && flags.insecureIgnoreSct !== true) {
    throw usageError(
      'expected --insecure-ignore-sct: the trusted root names certificate transparency logs, ' +
        'and Chancery does not check them',
    )
  }
  return { trustedRoot }
}

function usageError(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}

interface PrintedVerification {
  readonly digest: string
  readonly signer:
    | { readonly identity: string; readonly issuer: string | null }
    | { readonly publicKeySha256: string }
  readonly signedAt: readonly string[]
  readonly logEntries: readonly { readonly log: string; readonly logIndex: number }[]
}

function print(verified: VerifiedBundle, digest: string): PrintedVerification {
  const { signer, signedAt, logEntries } = verified
  return {
    digest: `sha256:${digest}`,
    signer:
      signer.kind === 'certificate'
        ? { identity: signer.identity, issuer: signer.issuer ?? null }
        : { publicKeySha256: sha256Hex(signer.publicKey) },
    signedAt: signedAt.map((time) => time.toISOString()),
    logEntries: logEntries.map(({ log, logIndex }) => ({ log: log.baseUrl, logIndex })),
  }
}

function describe({ digest, signer, signedAt, logEntries }: PrintedVerification): string[] {
  return [
    `digest ${digest}`,
    'identity' in signer
      ? `signed by ${JSON.stringify(signer.identity)}, as ${JSON.stringify(signer.issuer ?? 'nobody')} says`
      : `signed with the key sha256:${signer.publicKeySha256}`,
    ...signedAt.map((time) => `signed at or before ${time}`),
    ...logEntries.map(({ log, logIndex }) => `entry ${logIndex} of ${log}`),
  ]
}
