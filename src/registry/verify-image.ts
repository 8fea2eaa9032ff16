import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { referenceContext, type ImageReference } from '../format/oci-reference.ts'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import type { AttestationPolicy } from '../verify/attestation-policy.ts'
import type { BundleTrust } from '../verify/bundle-trust.ts'
import type { ExpectedImageSignature, VerifiedImageSignature } from '../verify/image-signature.ts'
import type { ExpectedSigner } from '../verify/signing-evidence.ts'
import type { ArtifactSource } from './artifact-store.ts'
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
import { inParallel } from './in-parallel.ts'
import { nothingAccepted, unsigned } from './refused-signatures.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { repositorySource } from './repository-store.ts'
import { resolveImage, type ImageByDigest } from './resolve-image.ts'

/** What the signature of an image has to satisfy. All of it comes from the verifier, never from the registry. */
export type ImageRequirements = BundleTrust &
  ExpectedSigner & {
    /** Annotations that must have been signed with exactly these values. */
    readonly annotations?: Readonly<Record<string, string>>
    /** Repositories, besides the image's own, that the signature may name: where the image was signed before it was copied. */
    readonly allowedIdentities?: readonly string[]
    /** Whether the repository must have been signed: bundles that Cosign makes do not name it. False by default. */
    readonly requiresIdentity?: boolean
    /** The type of the attestations that are asked for; left out, signatures are. */
    readonly predicateType?: string
    /** What each attestation has to satisfy, all of them. */
    readonly policies?: readonly AttestationPolicy[]
    /** Whether the referrers are looked at also where a signature under the tag is accepted. False by default. */
    readonly isExhaustive?: boolean
    /** The present; the clock's by default. */
    readonly now?: Date
    readonly signal?: AbortSignal
  }

/** A signature that was accepted. */
export interface AcceptedSignature extends VerifiedImageSignature {
  readonly place: SignaturePlace
}

/** A signature that was not accepted, and why. */
export interface RefusedSignature {
  /** Of what is no signature at all only the manifest is known. */
  readonly place: SignaturePlace | Pick<RefusedPlace, 'manifest'>
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

/** An image in a registry or in a directory. */
export interface ImageToVerify {
  /** `sha256:<hex>` of the manifest. */
  readonly digest: string
  /** Undefined where it is in a directory. */
  readonly repository: ImageByDigest['repository'] | undefined
}

const READS_AT_ONCE = 4
/** What the caller has to put right: nothing of it is the fault of one signature. */
const MISTAKES: readonly string[] = ['ERR_VERIFY_EXPECTATION', 'ERR_VERIFY_POLICY']

/**
 * Verifies the signatures of an image. One that satisfies everything suffices; of each other one the reason is told.
 *
 * Both formats count, and none hides the other: signatures under Cosign's tag, and bundles among the referrers. The
 * referrers are looked at where no signature under the tag is accepted, or where `isExhaustive` asks for it.
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
  const verification = await examineImage(source, image, requirements, found)
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
  found?: PulledManifest,
): Promise<ImageVerification> {
  const verification = new Verification(source, image, requirements)
  const { predicateType } = requirements
  await verification.look(() =>
    predicateType === undefined
      ? findTaggedSignatures(source, image.digest, found)
      : findTaggedAttestations(source, image.digest, predicateType),
  )
  const hasReadReferrers = verification.verified.length === 0 || requirements.isExhaustive === true
  if (hasReadReferrers) {
    await verification.look(() => findReferringSignatures(source, image.digest, predicateType))
  }
  return verification.finish(hasReadReferrers)
}

/** One image on its way: what was accepted so far, what was not, and what could not be looked at. */
class Verification {
  readonly verified: AcceptedSignature[] = []
  readonly #refused: RefusedSignature[] = []
  readonly #obstacles: ChanceryError[] = []
  #others = 0
  readonly #image: ImageToVerify
  readonly #reader: SignatureReader
  readonly #trust: BundleTrust
  readonly #expected: ExpectedImageSignature
  readonly #now: Date
  readonly #policies: readonly AttestationPolicy[]

  constructor(source: ArtifactSource, image: ImageToVerify, requirements: ImageRequirements) {
    this.#image = image
    this.#trust = openTrust(requirements)
    this.#now = requirements.now ?? new Date()
    this.#policies = requirements.policies ?? []
    const { repository, digest: manifestDigest } = image
    const own = repository === undefined ? [] : [referenceContext(repository)]
    const named = [...own, ...(requirements.allowedIdentities ?? [])]
    const { annotations = {}, certificate, signerCertificate, requires } = requirements
    const { predicateType } = requirements
    this.#expected = {
      digest: manifestDigest,
      repositories: named.length === 0 ? 'any' : named,
      annotations,
      requiresIdentity: requirements.requiresIdentity === true,
      ...(predicateType === undefined ? {} : { predicateType }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(signerCertificate === undefined ? {} : { signerCertificate }),
      ...(requires === undefined ? {} : { requires }),
    }
    this.#reader = new SignatureReader(source)
    for (const dockerReference of own) {
      this.#reader.expect(encodeSimpleSigning({ dockerReference, manifestDigest, annotations }))
    }
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
    for (const { manifest, error } of found.refused) {
      this.#refused.push({ place: { manifest }, error })
    }
    const outcomes = await inParallel(found.candidates, READS_AT_ONCE, (one) => this.#verify(one))
    for (const outcome of outcomes) {
      if ('error' in outcome) this.#refused.push(outcome)
      else this.verified.push(outcome)
    }
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
      ? unsigned(this.#image, this.#others, this.#expected.predicateType)
      : nothingAccepted(this.#image, this.#refused)
  }

  async #verify(candidate: SignatureCandidate): Promise<AcceptedSignature | RefusedSignature> {
    const { place } = candidate
    try {
      const verify = await this.#reader.read(candidate)
      const verified = verify(this.#trust, this.#expected, this.#now)
      for (const policy of this.#policies) judge(policy, verified)
      return { place, ...verified }
    } catch (error) {
      if (!(error instanceof ChanceryError) || MISTAKES.includes(error.code)) throw error
      return { place, error }
    }
  }
}

/** Signatures say nothing that a policy could judge. */
function judge(policy: AttestationPolicy, { content }: VerifiedImageSignature): void {
  if (content.format === 'simple-signing') {
    throw new ChanceryError('ERR_VERIFY_EXPECTATION', 'expected policies for attestations only')
  }
  policy.judge(content.envelope.payload)
}

/** The key is opened before anything of a stranger is: one that cannot be used is the caller's mistake. */
function openTrust({ publicKey, trustedRoot }: ImageRequirements): BundleTrust {
  if (publicKey === undefined) return { trustedRoot }
  const key = publicKey instanceof VerificationKey ? publicKey : new VerificationKey(publicKey)
  return { publicKey: key, ...(trustedRoot === undefined ? {} : { trustedRoot }) }
}
