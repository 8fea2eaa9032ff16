import { sha256Hex } from '../../crypto/digest.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { MAX_BUNDLE_BYTES, type Bundle } from '../../format/bundle.ts'
import { verifyBundle } from '../../verify/verify-bundle.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { aboutFile, readUserFile } from '../local-files.ts'
import { readSignatureFile } from '../signature-file.ts'
import { readTrust } from '../signer-trust.ts'
import type { TrustFlags } from '../trust-flags.ts'
import { describeEvidence, printEvidence } from '../verify/evidence-report.ts'

/** The flags of `chancery verify-blob`; those that cosign has are named as there. */
export interface VerifyBlobFlags extends JsonFlag, TrustFlags {
  readonly bundle?: string
  /** The signature alone, in base64 or as it is, as `cosign sign-blob` writes it without `--bundle`. */
  readonly signature?: string
}

/** The most bytes of a file that is verified: 1 GiB. */
const MAX_ARTIFACT_BYTES = 1024 * 1024 * 1024

/**
 * `chancery verify-blob`: verifies a file with its bundle, or its signature alone, without a network; with `--json` what was proven as one
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
  const { trust, expected } = await readTrust(flags)
  const bundle = await readBundle(flags)
  const bytes =
    file === '-'
      ? await this.readStandardInputBytes(MAX_ARTIFACT_BYTES)
      : await readUserFile(file, MAX_ARTIFACT_BYTES)
  const verified = verifyBundle(bundle, trust, { artifact: { bytes }, ...expected }, new Date())
  this.output.progress(`Verified ${file}`)
  const evidence = printEvidence(verified)
  const digest = `sha256:${sha256Hex(bytes)}`
  for (const line of [`digest ${digest}`, ...describeEvidence(evidence)]) {
    this.output.progress(`  ${line}`)
  }
  this.output.result(flags.json === true, { digest, ...evidence }, () => '')
}

const MAX_SIGNATURE_FILE_BYTES = 64 * 1024

/** The bundle of the file; a signature alone is a bundle that says nothing else. */
async function readBundle(flags: VerifyBlobFlags): Promise<Bundle | Uint8Array> {
  const { bundle, signature: path } = flags
  if (path === undefined) {
    if (bundle === undefined) throw usage('expected --bundle or --signature')
    return readUserFile(bundle, MAX_BUNDLE_BYTES)
  }
  if (bundle !== undefined) throw usage('expected either --bundle or --signature')
  if (flags.key === undefined) throw usage('expected --key with --signature')
  const bytes = await readUserFile(path, MAX_SIGNATURE_FILE_BYTES)
  const signature = await aboutFile(path, () => readSignatureFile(bytes))
  return {
    version: '0.3',
    content: { kind: 'message', digest: undefined, signature },
    signer: { kind: 'publicKey' },
    logEntries: [],
    timestamps: [],
  }
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}
