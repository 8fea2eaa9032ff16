import { sha256Hex } from '../../crypto/digest.ts'
import { MAX_BUNDLE_BYTES } from '../../format/bundle.ts'
import { verifyBundle } from '../../verify/verify-bundle.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { readUserFile } from '../local-files.ts'
import { readTrust } from '../signer-trust.ts'
import type { TrustFlags } from '../trust-flags.ts'
import { describeEvidence, printEvidence } from '../verify/evidence-report.ts'

/** The flags of `chancery verify-blob`; those that cosign has are named as there. */
export interface VerifyBlobFlags extends JsonFlag, TrustFlags {
  readonly bundle: string
}

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
  const { trust, expected } = await readTrust(flags)
  const bundle = await readUserFile(flags.bundle, MAX_BUNDLE_BYTES)
  const bytes = await readUserFile(file, MAX_ARTIFACT_BYTES)
  const verified = verifyBundle(bundle, trust, { artifact: { bytes }, ...expected }, new Date())
  this.output.progress(`Verified ${file}`)
  const evidence = printEvidence(verified)
  const digest = `sha256:${sha256Hex(bytes)}`
  for (const line of [`digest ${digest}`, ...describeEvidence(evidence)]) {
    this.output.progress(`  ${line}`)
  }
  this.output.result(flags.json === true, { digest, ...evidence }, () => '')
}
