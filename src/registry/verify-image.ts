import { ChanceryError } from '../errors/chancery-error.ts'
import { referenceContext, type ImageReference } from '../format/oci-reference.ts'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import type { UnverifiedSignature, VerifiedImageSignature } from '../verify/image-signature.ts'
import type { ArtifactSource } from './artifact-store.ts'
import { ByteAllowance, isBeyondAllowance } from './byte-allowance.ts'
import { ImageJudge, type ImageToVerify, type SignatureRequirements } from './image-judge.ts'
import { SignatureReader } from './image-signature-reader.ts'
import {
  findReferringSignatures,
  findTaggedAttestations,
  findTaggedSignatures,
  type FoundCandidates,
  type RefusedPlace,
  type SignatureCandidate,
  type SignaturePlace,
} from './image-signatures.ts'
import { tagOf } from './image-tree.ts'
import { inParallel } from './in-parallel.ts'
import { nothingAccepted, unsigned } from './refused-signatures.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { repositorySource } from './repository-store.ts'
import { resolveImage, type ImageByDigest } from './resolve-image.ts'
import type { MayHaveTag } from './tag-survey.ts'

/** What is required of an image, and how thoroughly it is looked at. */
export type ImageRequirements = SignatureRequirements & {
  /** Whether the referrers are looked at also where a signature under the tag is accepted. False by default. */
  readonly isExhaustive?: boolean
  readonly signal?: AbortSignal
}

/** What is known of the places beside an image. */
export interface KnownPlaces {
  /** What the tag of its signatures holds, where that has just been read. */
  readonly found?: PulledManifest | undefined
  /** Whether the repository may have a tag; where it hardly has that of the signatures, that is looked at last. */
  readonly mayHaveTag?: MayHaveTag | undefined
}

/** A signature that was accepted. */
export interface AcceptedSignature extends VerifiedImageSignature {
  readonly place: SignaturePlace
}

/** A signature that was not accepted, and why. */
export interface RefusedSignature {
  /** Of what is no signature at all only the manifest is known, or the tag. */
  readonly place: SignaturePlace | Pick<RefusedPlace, 'manifest' | 'tag'>
  readonly error: ChanceryError
}

/** What is known about the signatures of an image. */
export interface ImageVerification {
  readonly image: ImageToVerify
  readonly verified: readonly AcceptedSignature[]
  readonly refused: readonly RefusedSignature[]
  /** What could not be looked at. */
  readonly obstacles: readonly ChanceryError[]
  /** False where a signature under the tag was accepted and the referrers were therefore not looked at. */
  readonly hasReadReferrers: boolean
  /** How many referrers are no signatures, as they say themselves. */
  readonly others: number
  /** Why the image is not accepted; undefined if, and only if, at least one signature is. */
  readonly failure: ChanceryError | undefined
}

const READS_AT_ONCE = 4

/**
 * Verifies the signatures of an image. One that satisfies everything suffices; of each other one the reason is told.
 *
 * Both formats count, and none hides the other: signatures under Cosign's tag, and bundles among the referrers. The
 * referrers are looked at where no signature under the tag is accepted, or where `isExhaustive` asks for it.
 *
 * What is read of one image has a limit in bytes. Signatures are read in the order they are listed; what is beyond the limit
 * is an obstacle, so that it makes an image neither accepted nor unsigned.
 *
 * Beyond what Cosign checks, the signed reference must be the repository that was asked for, or one of
 * `allowedIdentities`: else a signature of `test/app` would do for `prod/app`. A bundle that names no repository is
 * accepted unless `requiresIdentity`. An attestation is no signature.
 *
 * @throws ChanceryError ERR_VERIFY_UNSIGNED if the registry says that there are no signatures.
 * @throws ChanceryError ERR_VERIFY_NOTHING_ACCEPTED if none of them is accepted; the hints tell why, one by one.
 * @throws ChanceryError ERR_REGISTRY_* if the image or its signatures cannot be read, and none that can be is accepted;
 * that is never taken for unsigned.
 * @throws ChanceryError ERR_CRYPTO_KEY if the public key cannot be used.
 */
export async function verifyImage(
  client: RegistryClient,
  reference: ImageReference,
  requirements: ImageRequirements,
): Promise<ImageVerification> {
  const image = await resolveImage(client, reference, requirements.signal)
  return verifyResolvedImage(client, image, requirements)
}

/**
 * Like {@link verifyImage}, for an image whose digest was looked up or comes from an index that was.
 *
 * @param found What the tag of its signatures holds, where that has just been read.
 */
export async function verifyResolvedImage(
  client: RegistryClient,
  image: ImageByDigest,
  requirements: ImageRequirements,
  found?: PulledManifest,
): Promise<ImageVerification> {
  const source = repositorySource(client, image.repository, requirements.signal)
  const verification = await examineImage(source, image, requirements, { found })
  if (verification.failure !== undefined) throw verification.failure
  return verification
}

/**
 * Like {@link verifyImage}, wherever the image is, but returns the failure with all that is known. Of an image in a
 * directory nobody knows the repository: what was signed is compared with `allowedIdentities` alone, and not at all where
 * there are none.
 *
 * @throws ChanceryError ERR_VERIFY_EXPECTATION, ERR_VERIFY_POLICY or ERR_CRYPTO_KEY if the requirements cannot be used.
 */
export async function examineImage(
  source: ArtifactSource,
  image: ImageToVerify,
  requirements: ImageRequirements,
  { found, mayHaveTag }: KnownPlaces = {},
): Promise<ImageVerification> {
  const verification = new Verification(source, image, requirements)
  const { allowance } = verification
  const { predicateType, isExhaustive = false } = requirements
  const lookAtTag = () =>
    verification.look(() =>
      predicateType === undefined
        ? findTaggedSignatures(source, image.digest, allowance, found)
        : findTaggedAttestations(source, image.digest, allowance, predicateType),
    )
  const lookAtReferrers = () =>
    verification.look(() => findReferringSignatures(source, image.digest, allowance, predicateType))
  const tag = tagOf(image.digest, predicateType === undefined ? 'signature' : 'attestation')
  const isTagLast = mayHaveTag?.(tag) === false
  await (isTagLast ? lookAtReferrers() : lookAtTag())
  const isEnough = verification.verified.length > 0 && !isExhaustive
  if (!isEnough) await (isTagLast ? lookAtTag() : lookAtReferrers())
  return verification.finish(isTagLast || !isEnough)
}

/** One image on its way: what was accepted so far, what was not, and what could not be looked at. */
class Verification {
  readonly verified: AcceptedSignature[] = []
  /** What is read of the image is counted against it. */
  readonly allowance: ByteAllowance
  readonly #refused: RefusedSignature[] = []
  readonly #obstacles: ChanceryError[] = []
  #others = 0
  readonly #image: ImageToVerify
  readonly #reader: SignatureReader
  readonly #judge: ImageJudge
  readonly #predicateType: string | undefined

  constructor(source: ArtifactSource, image: ImageToVerify, requirements: ImageRequirements) {
    this.#image = image
    this.#judge = new ImageJudge(image, requirements)
    this.#predicateType = requirements.predicateType
    this.allowance = new ByteAllowance(source.maxAttachedBytes)
    this.#reader = new SignatureReader(source, this.allowance)
    const { repository, digest: manifestDigest } = image
    if (repository === undefined) return
    const { annotations = {} } = requirements
    const dockerReference = referenceContext(repository)
    this.#reader.expect(encodeSimpleSigning({ dockerReference, manifestDigest, annotations }))
  }

  /** Looks in one place. That a place cannot be read does not hide what is in another. */
  async look(find: () => Promise<FoundCandidates>): Promise<void> {
    let found: FoundCandidates
    try {
      found = await find()
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error
      this.#obstacles.push(error)
      return
    }
    this.#others += found.others
    for (const { manifest, tag, error } of found.refused) {
      this.#refused.push({ place: { manifest, tag }, error })
    }
    const outcomes = await inParallel(found.candidates, READS_AT_ONCE, (one) => this.#verify(one))
    const unread: ChanceryError[] = []
    for (const outcome of outcomes) {
      if (!('error' in outcome)) this.verified.push(outcome)
      else if (isBeyondAllowance(outcome.error)) unread.push(outcome.error)
      else this.#refused.push(outcome)
    }
    const [first] = unread
    if (first === undefined) return
    const { code, message, hints } = first
    const many = `${message}; ${unread.length} of ${found.candidates.length} were not looked at`
    this.#obstacles.push(new ChanceryError(code, many, { hints }))
  }

  finish(hasReadReferrers: boolean): ImageVerification {
    return {
      image: this.#image,
      verified: this.verified,
      refused: this.#refused,
      obstacles: this.#obstacles,
      hasReadReferrers,
      others: this.#others,
      failure: this.#findFailure(),
    }
  }

  #findFailure(): ChanceryError | undefined {
    if (this.verified.length > 0) return undefined
    const [obstacle] = this.#obstacles
    if (obstacle !== undefined) return obstacle
    return this.#refused.length === 0
      ? unsigned(this.#image, this.#others, this.#predicateType)
      : nothingAccepted(this.#image, this.#refused)
  }

  async #verify(candidate: SignatureCandidate): Promise<AcceptedSignature | RefusedSignature> {
    const { place } = candidate
    let found: UnverifiedSignature
    try {
      found = await this.#reader.read(candidate)
    } catch (error) {
      if (error instanceof ChanceryError) return { place, error }
      throw error
    }
    const judged = this.#judge.judge(found)
    return judged instanceof ChanceryError ? { place, error: judged } : { place, ...judged }
  }
}
