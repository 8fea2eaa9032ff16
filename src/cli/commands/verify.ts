import { ChanceryError } from '../../errors/chancery-error.ts'
import {
  parseReference,
  referenceContext,
  type ImageReference,
} from '../../format/oci-reference.ts'
import { SIMPLE_SIGNING_TYPE, type SimpleSigningPayload } from '../../format/simple-signing.ts'
import { resolveIndexImages } from '../../registry/index-images.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { resolveImage, type ImageByDigest } from '../../registry/resolve-image.ts'
import {
  verifyResolvedImage,
  type ImageRequirements,
  type ImageVerification,
} from '../../registry/verify-image.ts'
import { readPublicKeyFile } from '../../verify/public-key-file.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { readUserFile } from '../local-files.ts'
import type { Output } from '../output.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery verify`. */
export interface VerifyFlags extends RegistryFlags, JsonFlag {
  readonly key: string
  readonly annotations?: readonly string[]
  readonly allowIdentity?: readonly string[]
  readonly recursive?: boolean
  readonly maxWorkers: number
  readonly output?: 'json' | 'text'
  /** Cosign's flag; verification with a key asks nobody but the registry, whether it is given or not. */
  readonly offline?: boolean
  /** Cosign's flag; verification with a key looks nothing up in a log here, whether it is given or not. */
  readonly insecureIgnoreTlog?: boolean
}

const MAX_KEY_BYTES = 256 * 1024
/** So many images that are not accepted are named in an error. */
const MAX_NAMED = 20

/**
 * `chancery verify`: for each image, what was accepted and why the rest was not on stderr; with `--json` or
 * `--output json` the accepted payloads as an array on stdout, as Cosign prints them.
 *
 * With `--recursive` an index counts only if every image that it lists does. All images are tried; if one fails, its
 * error is the outcome.
 */
export async function verify(
  this: CliContext,
  flags: VerifyFlags,
  ...images: readonly string[]
): Promise<void> {
  const publicKey = readPublicKeyFile(await readUserFile(flags.key, MAX_KEY_BYTES))
  const annotations = parseAnnotations(flags.annotations ?? [])
  const allowedIdentities = flags.allowIdentity ?? []
  for (const identity of allowedIdentities) parseReference(identity)
  const references = images.map(parseReference)
  const signal = AbortSignal.timeout(flags.timeout)
  using client = await openRegistryClient(flags)
  const requirements = { publicKey, annotations, allowedIdentities, signal }
  const trees = await verifyTrees(client, references, requirements, flags)
  const payloads: object[] = []
  const failures: ChanceryError[] = []
  for (const [index, tree] of trees.entries()) {
    for (const { verification } of tree.images) {
      if (verification === undefined) continue
      report(this.output, verification, flags.key)
      payloads.push(...verification.verified.map(({ payload }) => printPayload(payload)))
    }
    const error = failureOf(tree)
    if (error === undefined) continue
    failures.push(error)
    if (trees.length > 1) this.output.progress(`FAILED ${images[index] ?? ''}: ${error.message}`)
  }
  const [failure] = failures
  if (failure !== undefined) throw failure
  const isJson = flags.json === true || flags.output === 'json'
  this.output.result(isJson, payloads, () => '')
}

/** What is known about an image that was named and, with `--recursive`, about all that it lists. */
interface VerifiedTree {
  readonly images: readonly VerifiedImage[]
  /** Why it could not be looked up. */
  readonly error?: ChanceryError
}

interface VerifiedImage {
  readonly image: ImageByDigest
  readonly verification?: ImageVerification
  readonly error?: ChanceryError
}

async function verifyTrees(
  client: RegistryClient,
  references: readonly ImageReference[],
  requirements: ImageRequirements,
  { recursive, maxWorkers }: VerifyFlags,
): Promise<readonly VerifiedTree[]> {
  const { signal } = requirements
  const resolved = await inParallel(references, maxWorkers, async (reference) => {
    try {
      return recursive === true
        ? await resolveIndexImages(client, reference, signal)
        : [await resolveImage(client, reference, signal)]
    } catch (error) {
      if (error instanceof ChanceryError) return error
      throw error
    }
  })
  const all = resolved.flatMap((images) => (images instanceof ChanceryError ? [] : images))
  const verified = await inParallel(all, maxWorkers, async (image): Promise<VerifiedImage> => {
    try {
      return { image, verification: await verifyResolvedImage(client, image, requirements) }
    } catch (error) {
      if (error instanceof ChanceryError) return { image, error }
      throw error
    }
  })
  let taken = 0
  return resolved.map((images) => {
    if (images instanceof ChanceryError) return { images: [], error: images }
    taken += images.length
    return { images: verified.slice(taken - images.length, taken) }
  })
}

/** Why a tree is not accepted; what kept an image from being looked at comes before what is wrong with another. */
function failureOf({ images, error }: VerifiedTree): ChanceryError | undefined {
  if (error !== undefined) return error
  const failures = images.flatMap((each) => (each.error === undefined ? [] : [each.error]))
  const [failure] = failures
  if (failure === undefined || images.length === 1) return failure
  const unknown = failures.find(({ kind }) => kind !== 'refused')
  if (unknown !== undefined) return unknown
  const named = failures.slice(0, MAX_NAMED).flatMap(({ message, hints }) => [message, ...hints])
  return new ChanceryError(
    'ERR_VERIFY_INCOMPLETE',
    `expected the index and every image in it to be accepted, found ${failures.length} of ${images.length} that are not`,
    { hints: [...named, ...(failures.length > MAX_NAMED ? ['And more.'] : [])] },
  )
}

function report(
  output: Output,
  { image, verified, refused }: ImageVerification,
  key: string,
): void {
  output.progress(`Verified ${referenceContext(image.repository)}@${image.digest}`)
  const signatures = verified.length === 1 ? '1 signature' : `${verified.length} signatures`
  output.progress(`  ${signatures} made with ${key}, over this digest and this repository`)
  for (const { payload } of verified) {
    for (const [name, value] of Object.entries(payload.annotations ?? {})) {
      output.progress(`  annotation ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    }
  }
  for (const { index, error } of refused) {
    output.progress(`  not accepted, signature ${index + 1}: ${error.message} (${error.code})`)
  }
}

function printPayload({
  dockerReference,
  manifestDigest,
  annotations,
}: SimpleSigningPayload): object {
  return {
    critical: {
      identity: { 'docker-reference': dockerReference },
      image: { 'docker-manifest-digest': manifestDigest },
      type: SIMPLE_SIGNING_TYPE,
    },
    optional: annotations,
  }
}
