import { parseReference } from '../../format/oci-reference.ts'
import type { SignatureRequirements } from '../../registry/image-judge.ts'
import type { ImageRequirements } from '../../registry/verify-image.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openReadingClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { readTrust } from '../signer-trust.ts'
import type { TrustFlags } from '../trust-flags.ts'
import type { NamedTree } from './image-report.ts'
import { verifyLayout, verifyTrees, type VerifiedTree } from './image-trees.ts'

/** The flags of every command that judges what is attached to images. */
export interface SignatureFlags extends RegistryFlags, JsonFlag, TrustFlags {
  readonly allowIdentity?: readonly string[]
  readonly requireIdentity?: boolean
  /** The images are directories, as `chancery save` writes them, or archives of such. */
  readonly localImage?: boolean
}

/** The flags of every command that verifies images. */
export interface VerificationFlags extends SignatureFlags {
  readonly recursive?: boolean
  readonly maxWorkers: number
}

/** What is looked for. */
export type WantedSignatures = Pick<
  ImageRequirements,
  'isExhaustive' | 'predicateType' | 'policies'
> & {
  /** Annotations that must have been signed, as the user gave them. */
  readonly annotations?: readonly string[]
}

/** From so many images on it is told how many are done. */
const MANY = 20

/** Verifies the images that the user named; all are tried, whatever becomes of others. */
export async function verifyNamed(
  context: CliContext,
  flags: VerificationFlags,
  images: readonly string[],
  { annotations: given = [], ...wanted }: WantedSignatures,
): Promise<readonly NamedTree[]> {
  const signal = new Deadline(flags.timeout).signal
  const requirements = { ...(await readRequirements(flags, given)), ...wanted, signal }
  const found = await verifyAll(context, flags, images, requirements)
  return found.map((tree, index) => ({ name: images[index] ?? '', tree }))
}

/**
 * Whom the flags say to trust, and what they require of each signature.
 *
 * @param annotations Those that must have been signed, as the user gave them.
 * @throws ChanceryError what `readTrust` throws; ERR_CLI_USAGE or ERR_FORMAT_REFERENCE if the rest is not what it should be.
 */
export async function readRequirements(
  flags: SignatureFlags,
  annotations: readonly string[],
): Promise<SignatureRequirements> {
  const { trust, expected } = await readTrust(flags)
  const allowedIdentities = flags.allowIdentity ?? []
  for (const identity of allowedIdentities) parseReference(identity)
  return {
    ...trust,
    ...expected,
    annotations: parseAnnotations(annotations),
    allowedIdentities,
    requiresIdentity: flags.requireIdentity === true,
  }
}

async function verifyAll(
  context: CliContext,
  flags: VerificationFlags,
  images: readonly string[],
  requirements: ImageRequirements,
): Promise<readonly VerifiedTree[]> {
  const isRecursive = flags.recursive === true
  if (flags.localImage === true) {
    const all: VerifiedTree[] = []
    const options = { isRecursive, maxAttachedBytes: flags.maxAttachedSize }
    for (const path of images) all.push(await verifyLayout(path, requirements, options))
    return all
  }
  const references = images.map(parseReference)
  using client = await openReadingClient(context, flags, references)
  return await verifyTrees(client, references, requirements, {
    isRecursive,
    maxWorkers: flags.maxWorkers,
    onProgress: (done, all) => {
      if (all >= MANY && done % MANY === 0) context.output.progress(`${done} of ${all} images`)
    },
  })
}
