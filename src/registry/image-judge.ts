import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { referenceContext } from '../format/oci-reference.ts'
import type { AttestationPolicy } from '../verify/attestation-policy.ts'
import type { BundleTrust } from '../verify/bundle-trust.ts'
import {
  type ExpectedImageSignature,
  type UnverifiedSignature,
  type VerifiedImageSignature,
  verifyImageSignature,
} from '../verify/image-signature.ts'
import type { ExpectedSigner } from '../verify/signing-evidence.ts'
import type { ImageByDigest } from './resolve-image.ts'

/** An image in a registry or in a directory. */
export interface ImageToVerify {
  /** `sha256:<hex>` of the manifest. */
  readonly digest: string
  /** Undefined where it is in a directory. */
  readonly repository: ImageByDigest['repository'] | undefined
}

/** What a signature of an image has to satisfy. All of it comes from the verifier, never from the registry. */
export type SignatureRequirements = BundleTrust &
  ExpectedSigner & {
    /** Annotations that must have been signed with exactly these values. */
    readonly annotations?: Readonly<Record<string, string>>
    /** Repositories, besides the image's own, that the signature may name: where the image was signed before it was copied. */
    readonly allowedIdentities?: readonly string[]
    /** Whether the repository must have been signed: bundles that Cosign makes do not name it. False by default. */
    readonly requiresIdentity?: boolean
    /** The type of the attestations that are asked for; left out, signatures are; `any` accepts both. */
    readonly predicateType?: string
    /** What each attestation has to satisfy, all of them. */
    readonly policies?: readonly AttestationPolicy[]
    /** The present; the clock's by default. */
    readonly now?: Date
  }

/** What the caller has to put right: nothing of it is the fault of one signature. */
const MISTAKES: readonly string[] = ['ERR_VERIFY_EXPECTATION', 'ERR_VERIFY_POLICY']

/** Holds what was found at one image against what is required of it. */
export class ImageJudge {
  readonly #trust: BundleTrust
  readonly #expected: ExpectedImageSignature
  readonly #now: Date
  readonly #policies: readonly AttestationPolicy[]

  /** @throws ChanceryError ERR_CRYPTO_KEY if the public key cannot be used. */
  constructor({ repository, digest }: ImageToVerify, requirements: SignatureRequirements) {
    this.#trust = openTrust(requirements)
    this.#now = requirements.now ?? new Date()
    this.#policies = requirements.policies ?? []
    const own = repository === undefined ? [] : [referenceContext(repository)]
    const named = [...own, ...(requirements.allowedIdentities ?? [])]
    const { annotations = {}, certificate, signerCertificate, requires } = requirements
    const { predicateType } = requirements
    this.#expected = {
      digest,
      repositories: named.length === 0 ? 'any' : named,
      annotations,
      requiresIdentity: requirements.requiresIdentity === true,
      ...(predicateType === undefined ? {} : { predicateType }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(signerCertificate === undefined ? {} : { signerCertificate }),
      ...(requires === undefined ? {} : { requires }),
    }
  }

  /**
   * What is proven; or why it is not accepted.
   *
   * @throws ChanceryError ERR_VERIFY_EXPECTATION or ERR_VERIFY_POLICY if the requirements cannot be used.
   */
  judge(found: UnverifiedSignature): VerifiedImageSignature | ChanceryError {
    try {
      const verified = verifyImageSignature(found, this.#trust, this.#expected, this.#now)
      for (const policy of this.#policies) applyPolicy(policy, verified)
      return verified
    } catch (error) {
      if (error instanceof ChanceryError && !MISTAKES.includes(error.code)) return error
      throw error
    }
  }
}

/** Signatures say nothing that a policy could judge. */
function applyPolicy(policy: AttestationPolicy, { content }: VerifiedImageSignature): void {
  if (content.format === 'simple-signing') {
    throw new ChanceryError('ERR_VERIFY_EXPECTATION', 'expected policies for attestations only')
  }
  policy.judge(content.envelope.payload)
}

/** The key is opened before anything of a stranger is: one that cannot be used is the caller's mistake. */
function openTrust({ publicKey, trustedRoot }: SignatureRequirements): BundleTrust {
  if (publicKey === undefined) return { trustedRoot }
  const key = publicKey instanceof VerificationKey ? publicKey : new VerificationKey(publicKey)
  return { publicKey: key, ...(trustedRoot === undefined ? {} : { trustedRoot }) }
}
