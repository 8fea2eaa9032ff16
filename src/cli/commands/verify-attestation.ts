import { parseAttestationType } from '../../format/predicate-type.ts'
import type { AttestationPolicy } from '../../verify/attestation-policy.ts'
import type { CliContext } from '../context.ts'
import { printEnvelopes, printTrees, reportTree } from '../verify/image-report.ts'
import { type VerificationFlags, verifyNamed } from '../verify/named-images.ts'

/** The flags of `chancery verify-attestation`. */
export interface VerifyAttestationFlags extends VerificationFlags {
  readonly type: string
  /** Files with policies that an attestation has to satisfy, all of them. */
  readonly policy?: readonly string[]
  /** Cosign's flag; nobody but the registry is asked, whether it is given or not. */
  readonly offline?: boolean
}

/**
 * `chancery verify-attestation`: for each image, what was accepted and why the rest was not on stderr; the envelopes that
 * were accepted on stdout, one on each line as Cosign prints them, or with `--json` all that is known as one document.
 */
export async function verifyAttestation(
  this: CliContext,
  flags: VerifyAttestationFlags,
  ...images: readonly string[]
): Promise<void> {
  const predicateType = parseAttestationType(flags.type)
  const trees = await verifyNamed(this, flags, images, {
    predicateType,
    policies: await loadPolicies(flags.policy ?? []),
    isExhaustive: true,
  })
  for (const tree of trees) reportTree(this.output, tree, trees.length > 1)
  if (flags.json === true) this.output.result(true, printTrees(trees), () => '')
  const failure = trees.find(({ tree }) => tree.failure !== undefined)?.tree.failure
  if (failure !== undefined) throw failure
  if (flags.json === true) return
  this.output.lines(printEnvelopes(trees))
}

/** What judges is loaded only where there is something to judge by. */
async function loadPolicies(files: readonly string[]): Promise<readonly AttestationPolicy[]> {
  if (files.length === 0) return []
  const { readPolicies } = await import('../verify/policy-files.ts')
  return await readPolicies(files)
}
