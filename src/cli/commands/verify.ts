import { ChanceryError } from '../../errors/chancery-error.ts'
import type { CliContext } from '../context.ts'
import { printAsCosign, printTrees, reportTree } from '../verify/image-report.ts'
import { type VerificationFlags, verifyNamed } from '../verify/named-images.ts'
import { printSarif } from '../verify/sarif.ts'

/** The flags of `chancery verify`. */
export interface VerifyFlags extends VerificationFlags {
  readonly all?: boolean
  readonly annotations?: readonly string[]
  readonly output?: 'json' | 'sarif' | 'text'
  /** Cosign's flag; nobody but the registry is asked, whether it is given or not. */
  readonly offline?: boolean
}

/**
 * `chancery verify`: for each image, what was accepted and why the rest was not on stderr; with `--json` all of that as
 * one document on stdout, also where an image is not accepted, with `--output sarif` as SARIF; with `--output json` the accepted payloads as an array, as
 * Cosign prints them.
 *
 * With `--recursive` an index counts only if every image that it lists does. All images are tried; if one fails, its
 * error is the outcome.
 */
export async function verify(
  this: CliContext,
  flags: VerifyFlags,
  ...images: readonly string[]
): Promise<void> {
  if (flags.json === true && flags.output !== undefined && flags.output !== 'text') {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      `expected --json or --output ${flags.output}, found both`,
      {
        hints: ['Each is a document of its own, and there is one standard output.'],
      },
    )
  }
  const trees = await verifyNamed(this, flags, images, {
    annotations: flags.annotations ?? [],
    isExhaustive: flags.all === true,
  })
  for (const tree of trees) reportTree(this.output, tree, trees.length > 1)
  if (flags.json === true) this.output.result(true, printTrees(trees), () => '')
  else if (flags.output === 'sarif')
    this.output.result(true, printSarif(trees, flags.localImage === true), () => '')
  const failure = trees.find(({ tree }) => tree.failure !== undefined)?.tree.failure
  if (failure !== undefined) throw failure
  if (flags.json === true || flags.output === 'sarif') return
  this.output.result(flags.output === 'json', printAsCosign(trees), () => '')
}
