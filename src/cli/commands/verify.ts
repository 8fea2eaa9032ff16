import { parseReference } from '../../format/oci-reference.ts'
import type { ImageRequirements } from '../../registry/verify-image.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { readTrust } from '../signer-trust.ts'
import type { TrustFlags } from '../trust-flags.ts'
import { printAsCosign, printTrees, reportTree } from '../verify/image-report.ts'
import { verifyLayout, verifyTrees, type VerifiedTree } from '../verify/image-trees.ts'
import { printSarif } from '../verify/sarif.ts'

/** The flags of `chancery verify`. */
export interface VerifyFlags extends RegistryFlags, JsonFlag, TrustFlags {
  readonly annotations?: readonly string[]
  readonly allowIdentity?: readonly string[]
  readonly requireIdentity?: boolean
  readonly all?: boolean
  readonly recursive?: boolean
  readonly maxWorkers: number
  readonly output?: 'json' | 'sarif' | 'text'
  /** The images are directories, as `chancery save` writes them. */
  readonly localImage?: boolean
  /** Cosign's flag; nobody but the registry is asked, whether it is given or not. */
  readonly offline?: boolean
}

/** From so many images on it is told how many are done. */
const MANY = 20

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
  const { trust, expected } = await readTrust(flags)
  const annotations = parseAnnotations(flags.annotations ?? [])
  const allowedIdentities = flags.allowIdentity ?? []
  for (const identity of allowedIdentities) parseReference(identity)
  const signal = AbortSignal.timeout(flags.timeout)
  const requirements = {
    ...trust,
    ...expected,
    annotations,
    allowedIdentities,
    requiresIdentity: flags.requireIdentity === true,
    isExhaustive: flags.all === true,
    signal,
  }
  const found = await verifyAll(this, flags, images, requirements)
  const trees = found.map((tree, index) => ({ name: images[index] ?? '', tree }))
  for (const tree of trees) reportTree(this.output, tree, trees.length > 1)
  if (flags.json === true) this.output.result(true, printTrees(trees), () => '')
  else if (flags.output === 'sarif')
    this.output.result(true, printSarif(trees, flags.localImage === true), () => '')
  const failure = trees.find(({ tree }) => tree.failure !== undefined)?.tree.failure
  if (failure !== undefined) throw failure
  if (flags.json === true || flags.output === 'sarif') return
  this.output.result(flags.output === 'json', printAsCosign(trees), () => '')
}

async function verifyAll(
  context: CliContext,
  flags: VerifyFlags,
  images: readonly string[],
  requirements: ImageRequirements,
): Promise<readonly VerifiedTree[]> {
  const isRecursive = flags.recursive === true
  if (flags.localImage === true) {
    const all: VerifiedTree[] = []
    for (const path of images) all.push(await verifyLayout(path, requirements, isRecursive))
    return all
  }
  const references = images.map(parseReference)
  using client = await openRegistryClient(context, flags)
  return await verifyTrees(client, references, requirements, {
    isRecursive,
    maxWorkers: flags.maxWorkers,
    onProgress: (done, all) => {
      if (all >= MANY && done % MANY === 0) context.output.progress(`${done} of ${all} images`)
    },
  })
}
