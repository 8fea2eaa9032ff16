import { ChanceryError } from '../errors/chancery-error.ts'
import { OCI_IMAGE_CONFIG, type Descriptor } from '../format/oci-manifest.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import type { ArtifactSource } from './artifact-store.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import { predicateTypeOf } from './attestation-manifest.ts'
import { tagOf, type TaggedKind } from './image-tree.ts'
import { isBundleType, SIGNATURE_ARTIFACT } from './published-artifacts.ts'
import { PREDICATE_TYPE_ANNOTATION } from './publish-bundle.ts'
import { isUnreadable } from './referrers.ts'
import type { PulledManifest } from './registry-client.ts'
import { layersOfSignatures, SIMPLE_SIGNING_LAYER } from './signature-manifest.ts'

/** Something that claims to be a signature of an image. Nothing of it is verified. */
export interface SignatureCandidate {
  readonly place: SignaturePlace
  /** The metadata file, with the signature in its annotations; or the bundle. */
  readonly layer: Descriptor
}

/** Where a signature is: what messages and documents call it by. */
export interface SignaturePlace {
  readonly format: 'simple-signing' | 'envelope' | 'bundle'
  /** Digest of the manifest that holds it. */
  readonly manifest: string
  /** The tag of that manifest, `sha256-<hex>.sig` or `.att`; undefined for referrers. */
  readonly tag: string | undefined
  /** Position among the layers of the manifest, from 0. */
  readonly index: number
}

/** What refers to an image, or is under its tag, and is not even a candidate, and why. */
export interface RefusedPlace {
  /** Digest of the manifest; undefined where what is under the tag is none. */
  readonly manifest: string | undefined
  /** The tag that it is under; undefined for a referrer. */
  readonly tag: string | undefined
  readonly error: ChanceryError
}

/** What was found in one place. */
export interface FoundCandidates {
  readonly candidates: readonly SignatureCandidate[]
  readonly refused: readonly RefusedPlace[]
  /** How many referrers are something else: attestations, SBOMs. */
  readonly others: number
}

const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json'
/** Artifact types that say nothing: those of a manifest without one are the type of its configuration. */
const UNSPECIFIC: readonly string[] = [EMPTY_CONFIG, OCI_IMAGE_CONFIG]

/**
 * The signatures under Cosign's tag, `sha256-<hex>.sig`.
 *
 * @param allowance What the manifest is counted against.
 * @param seen What the tag holds, where that has just been read.
 * @throws ChanceryError what the source throws, if it was kept from reading. What the tag holds and is none is refused.
 */
export async function findTaggedSignatures(
  source: ArtifactSource,
  digest: string,
  allowance: ByteAllowance,
  seen?: PulledManifest,
): Promise<FoundCandidates> {
  const tag = tagOf(digest, 'signature')
  return findUnder(tag, 'signature', () => seen ?? source.findManifest(tag, allowance))
}

/**
 * The attestations of a type under Cosign's tag, `sha256-<hex>.att`.
 *
 * @param allowance What the manifest is counted against.
 * @throws ChanceryError what the source throws, if it was kept from reading. What the tag holds and is none is refused.
 */
export async function findTaggedAttestations(
  source: ArtifactSource,
  digest: string,
  allowance: ByteAllowance,
  predicateType: string,
): Promise<FoundCandidates> {
  const tag = tagOf(digest, 'attestation')
  const { candidates: all, refused } = await findUnder(tag, 'attestation', () =>
    source.findManifest(tag, allowance),
  )
  // Without the annotation only the statement tells the type.
  const candidates = all.filter(
    ({ layer }) => (predicateTypeOf(layer) ?? predicateType) === predicateType,
  )
  return { candidates, refused, others: all.length - candidates.length }
}

/** What the tag holds that is no set of signatures is as little one as a referrer that cannot be read. */
async function findUnder(
  tag: string,
  kind: Exclude<TaggedKind, 'sbom'>,
  read: () => PulledManifest | Promise<PulledManifest | undefined>,
): Promise<FoundCandidates> {
  let found: PulledManifest | undefined
  try {
    found = await read()
    const candidates = found === undefined ? [] : candidatesUnder(found, tag, kind)
    return { candidates, refused: [], others: 0 }
  } catch (error) {
    const isOther = error instanceof ChanceryError && error.code === 'ERR_REGISTRY_SIGNATURES'
    if (!isOther && !isUnreadable(error)) throw error
    return { candidates: [], refused: [{ manifest: found?.digest, tag, error }], others: 0 }
  }
}

/**
 * The signatures among the referrers of an image: bundles, and signatures as they are under the tag, which Cosign's
 * `oci-1-1` mode makes. What the list, or the manifest, calls another kind of thing is counted and not read.
 *
 * @param allowance What the manifests are counted against.
 * @param predicateType That of an attestation, to find those instead.
 * @throws ChanceryError what the source throws.
 */
export async function findReferringSignatures(
  source: ArtifactSource,
  digest: string,
  allowance: ByteAllowance,
  predicateType = COSIGN_SIGNATURE_PREDICATE,
): Promise<FoundCandidates> {
  const found = await source.findReferrers(digest, {
    isWanted: (listed) => mayBeWanted(listed, predicateType),
    refusesUnreadable: true,
    allowance,
  })
  const candidates: SignatureCandidate[] = []
  let others = found.passedOver
  for (const { descriptor, pulled } of found.referrers) {
    const inIt = mayBeWanted(descriptor, predicateType)
      ? candidatesAmong(pulled).filter((one) => mayBeOf(one, predicateType))
      : []
    if (inIt.length === 0) others += 1
    candidates.push(...inIt)
  }
  const refused = found.refused.map(({ digest: manifest, error }) => ({
    manifest,
    tag: undefined,
    error,
  }))
  return { candidates, refused, others }
}

/** By what is said of it: what says nothing may be one. */
function mayBeWanted(
  { artifactType, annotations = {} }: Descriptor,
  predicateType: string,
): boolean {
  const listedType = annotations[PREDICATE_TYPE_ANNOTATION] ?? predicateType
  return mayHoldSignatures(artifactType) && listedType === predicateType
}

/** Whether there may be signatures, or attestations, in a referrer of this artifact type: one of none may hold anything. */
export function mayHoldSignatures(artifactType = ''): boolean {
  return (
    artifactType === '' ||
    UNSPECIFIC.includes(artifactType) ||
    artifactType === SIGNATURE_ARTIFACT ||
    isBundleType(artifactType)
  )
}

/** A signature that is no bundle attests nothing. */
function mayBeOf({ place }: SignatureCandidate, predicateType: string): boolean {
  return place.format === 'bundle' || predicateType === COSIGN_SIGNATURE_PREDICATE
}

/**
 * What claims to be a signature, or an attestation, in the manifest under one of Cosign's tags: every layer of it.
 *
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if it is an index, which no tool writes there.
 */
export function candidatesUnder(
  { manifest, digest }: PulledManifest,
  tag: string | undefined,
  kind: Exclude<TaggedKind, 'sbom'>,
): readonly SignatureCandidate[] {
  const format = kind === 'signature' ? 'simple-signing' : 'envelope'
  return layersOfSignatures(manifest).map((layer, index) => ({
    place: { format, manifest: digest, tag, index },
    layer,
  }))
}

/** What claims to be a signature, or an attestation, in a referrer: bundles; or all layers, as they are under a tag. */
export function candidatesAmong(pulled: PulledManifest): readonly SignatureCandidate[] {
  const { manifest, digest } = pulled
  if (manifest.kind !== 'manifest') return []
  const [first] = manifest.layers
  if (first?.mediaType === SIMPLE_SIGNING_LAYER) {
    return candidatesUnder(pulled, undefined, 'signature')
  }
  return manifest.layers.flatMap((layer, index) =>
    isBundleType(layer.mediaType)
      ? [{ place: { format: 'bundle', manifest: digest, tag: undefined, index }, layer }]
      : [],
  )
}
