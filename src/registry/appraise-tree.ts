import { ChanceryError } from '../errors/chancery-error.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import type { UnverifiedSignature, VerifiedImageSignature } from '../verify/image-signature.ts'
import { readClaims, type SignatureClaims } from '../verify/signature-claims.ts'
import type { ArtifactSource } from './artifact-store.ts'
import { ByteAllowance } from './byte-allowance.ts'
import { predicateTypeOf } from './attestation-manifest.ts'
import { ImageJudge, type SignatureRequirements } from './image-judge.ts'
import { SignatureReader } from './image-signature-reader.ts'
import {
  candidatesAmong,
  candidatesUnder,
  mayHoldSignatures,
  type SignatureCandidate,
  type SignaturePlace,
} from './image-signatures.ts'
import type { ImageTree, TaggedArtifact } from './image-tree.ts'
import { inParallel } from './in-parallel.ts'
import { type ArtifactFacts, factsOf } from './published-artifacts.ts'

/** Whether something is what it claims to be. */
export type Verdict =
  /** All that `verify`, or `verify-attestation` with its type, checks holds. */
  | { readonly kind: 'valid'; readonly proven: ProvenSignature }
  /** The check that failed, what it expected and what it found. */
  | { readonly kind: 'refused'; readonly error: ChanceryError }
  /** Nobody said whom to trust. */
  | { readonly kind: 'unchecked' }
  /** It could not be read, or is no signature. */
  | { readonly kind: 'unreadable'; readonly error: ChanceryError }
  /** It calls itself a signature, of a kind that is not read here. */
  | { readonly kind: 'unknown' }

/** What is proven; without the statement, which may be large. */
export interface ProvenSignature extends Omit<VerifiedImageSignature, 'content'> {
  /** Undefined for a metadata file. */
  readonly predicateType: string | undefined
}

/** A signature or an attestation, with what it claims and what is true of that. */
export interface AppraisedSignature {
  readonly place: SignaturePlace | { readonly format: 'unknown'; readonly manifest: string }
  /** What holds it; undefined where that is not known. */
  readonly layer: Descriptor | undefined
  /** What the manifest or the layer says that the predicate type is. */
  readonly listedType: string | undefined
  /** Undefined where it cannot be read. */
  readonly claims: SignatureClaims | undefined
  readonly verdict: Verdict
}

/** A manifest with all that belongs to it, each signature and attestation appraised. */
export interface AppraisedTree {
  readonly tree: ImageTree
  readonly tagged: readonly AppraisedArtifact[]
  readonly referrers: readonly AppraisedReferrer[]
  readonly children: readonly AppraisedTree[]
}

/** What Cosign keeps under a tag. */
export interface AppraisedArtifact {
  readonly artifact: TaggedArtifact
  /** In the order of the layers; empty for an SBOM. */
  readonly signatures: readonly AppraisedSignature[]
}

/** A referrer, with what refers to it in turn. */
export interface AppraisedReferrer extends AppraisedTree {
  readonly facts: ArtifactFacts
  /** Empty where it does not call itself a signature or an attestation. */
  readonly signatures: readonly AppraisedSignature[]
}

const READS_AT_ONCE = 4

/**
 * Appraises every signature and attestation in a tree, each against the digest of what it is attached to. Nothing is looked
 * up anew: what is appraised is what the tree shows.
 *
 * @param requirements Whom to trust; attestations of every type are meant. Left out, nothing is checked, and nothing is valid.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION or ERR_CRYPTO_KEY if the requirements cannot be used. What is wrong with one
 *   signature, or keeps it from being read, is its verdict.
 */
export async function appraiseTree(
  source: ArtifactSource,
  tree: ImageTree,
  requirements: SignatureRequirements | undefined,
): Promise<AppraisedTree> {
  const image = { digest: tree.pulled.digest, repository: source.repository }
  const judge =
    requirements === undefined
      ? undefined
      : new ImageJudge(image, { ...requirements, predicateType: 'any' })
  const allowance = new ByteAllowance(source.maxAttachedBytes)
  const appraiser = new Appraiser(new SignatureReader(source, allowance), judge)
  const tagged: AppraisedArtifact[] = []
  for (const artifact of tree.tagged) {
    tagged.push({ artifact, signatures: await appraiser.appraiseTagged(artifact) })
  }
  const referrers = await inParallel(tree.referrers, READS_AT_ONCE, async (referrer) => ({
    facts: factsOf(referrer),
    signatures: await appraiser.appraiseReferrer(referrer),
    ...(await appraiseTree(source, referrer, requirements)),
  }))
  const children = await inParallel(tree.children, READS_AT_ONCE, (child) =>
    appraiseTree(source, child, requirements),
  )
  return { tree, tagged, referrers, children }
}

/** All signatures and attestations of a tree. */
export function appraisedIn(tree: AppraisedTree): readonly AppraisedSignature[] {
  const { tagged, referrers, children } = tree
  return [
    ...tagged.flatMap(({ signatures }) => signatures),
    ...referrers.flatMap((one) => [...one.signatures, ...appraisedIn(one)]),
    ...children.flatMap(appraisedIn),
  ]
}

/** Appraises what is attached to one image. */
class Appraiser {
  readonly #reader: SignatureReader
  readonly #judge: ImageJudge | undefined

  constructor(reader: SignatureReader, judge: ImageJudge | undefined) {
    this.#reader = reader
    this.#judge = judge
  }

  async appraiseTagged({
    kind,
    tag,
    pulled,
  }: TaggedArtifact): Promise<readonly AppraisedSignature[]> {
    if (kind === 'sbom') return []
    if (pulled.manifest.kind === 'index') return [unknownIn(pulled.digest)]
    return inParallel(candidatesUnder(pulled, tag, kind), READS_AT_ONCE, async (candidate) => {
      if (kind === 'signature') return this.#appraise(candidate, undefined)
      const appraised = await this.#appraise(candidate, predicateTypeOf(candidate.layer))
      return { ...appraised, verdict: refuseSignature(appraised.verdict) }
    })
  }

  async appraiseReferrer(referrer: ImageTree): Promise<readonly AppraisedSignature[]> {
    const { kind, predicateType } = factsOf(referrer)
    const candidates = mayHoldSignatures(referrer.artifactType)
      ? candidatesAmong(referrer.pulled)
      : []
    if (candidates.length === 0) {
      return kind === 'other' ? [] : [unknownIn(referrer.pulled.digest, predicateType)]
    }
    return inParallel(candidates, READS_AT_ONCE, (candidate) =>
      this.#appraise(candidate, predicateType),
    )
  }

  async #appraise(
    candidate: SignatureCandidate,
    listedType: string | undefined,
  ): Promise<AppraisedSignature> {
    const { place, layer } = candidate
    const found = await orError(() => this.#reader.read(candidate))
    if (found instanceof ChanceryError) {
      const verdict = { kind: 'unreadable', error: found } as const
      return { place, layer, listedType, claims: undefined, verdict }
    }
    const claims = await orError(() => readClaims(found))
    const verdict = this.#findVerdict(found, claims, listedType)
    const readable = claims instanceof ChanceryError ? undefined : claims
    return { place, layer, listedType, claims: readable, verdict }
  }

  #findVerdict(
    found: UnverifiedSignature,
    claims: SignatureClaims | ChanceryError,
    listedType: string | undefined,
  ): Verdict {
    const judged = this.#judge?.judge(found)
    if (judged !== undefined && !(judged instanceof ChanceryError)) {
      return requireListedType(withoutStatement(judged), listedType)
    }
    if (claims instanceof ChanceryError) return { kind: 'unreadable', error: claims }
    return judged === undefined ? { kind: 'unchecked' } : { kind: 'refused', error: judged }
  }
}

function withoutStatement({ content, ...proven }: VerifiedImageSignature): ProvenSignature {
  const predicateType =
    content.format === 'simple-signing' ? undefined : content.statement.predicateType
  return { ...proven, predicateType }
}

/** `verify` looks for signatures elsewhere, and nobody asks for one as for an attestation: it says nothing where it is. */
function refuseSignature(verdict: Verdict): Verdict {
  const isSignature =
    verdict.kind === 'valid' && verdict.proven.predicateType === COSIGN_SIGNATURE_PREDICATE
  if (!isSignature) return verdict
  const error = new ChanceryError(
    'ERR_VERIFY_PREDICATE_TYPE',
    'expected an attestation under this tag, found the signature of an image, which counts as a referrer alone: `verify` does not look here',
  )
  return { kind: 'refused', error }
}

/** Whoever asks for one of the two types does not get this, or gets something else than is written on it. */
function requireListedType(proven: ProvenSignature, listedType: string | undefined): Verdict {
  const { predicateType = COSIGN_SIGNATURE_PREDICATE } = proven
  if (listedType === undefined || listedType === predicateType) return { kind: 'valid', proven }
  const error = new ChanceryError(
    'ERR_VERIFY_PREDICATE_TYPE',
    `expected a statement of the type ${listedType}, as it is listed, found ${predicateType}`,
  )
  return { kind: 'refused', error }
}

function unknownIn(manifest: string, listedType?: string): AppraisedSignature {
  const place = { format: 'unknown', manifest } as const
  const verdict = { kind: 'unknown' } as const
  return { place, layer: undefined, listedType, claims: undefined, verdict }
}

async function orError<Result>(
  act: () => Result | Promise<Result>,
): Promise<Result | ChanceryError> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof ChanceryError) return error
    throw error
  }
}
