import { ChanceryError } from '../errors/chancery-error.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import type { ArtifactSource } from './artifact-store.ts'
import { ByteAllowance } from './byte-allowance.ts'
import { inParallel } from './in-parallel.ts'
import { artifactTypeOf } from './referrers-index.ts'
import type { RefusedReferrer } from './referrers.ts'
import type { PulledManifest } from './registry-client.ts'

/** What Cosign keeps under a tag beside an image. */
export type TaggedKind = 'signature' | 'attestation' | 'sbom'

/** The end of each tag. Source: Cosign, SIGNATURE_SPEC.md, "Tag-based Discovery". */
const SUFFIXES: Readonly<Record<TaggedKind, string>> = {
  signature: 'sig',
  attestation: 'att',
  sbom: 'sbom',
}

/** The kinds, in the order they are looked for. */
const TAGGED_KINDS = ['signature', 'attestation', 'sbom'] as const

/** Something that Cosign keeps under a tag. */
export interface TaggedArtifact {
  readonly kind: TaggedKind
  /** `sha256-<hex>.sig`, `.att` or `.sbom`. */
  readonly tag: string
  readonly pulled: PulledManifest
}

/** A manifest with everything that belongs to it. */
export interface ImageTree {
  readonly pulled: PulledManifest
  readonly artifactType: string | undefined
  /** The manifests an index lists. */
  readonly children: readonly ImageTree[]
  readonly tagged: readonly TaggedArtifact[]
  /** With what refers to them in turn. */
  readonly referrers: readonly ImageTree[]
  /** What is listed as a referrer and is none. */
  readonly refused: readonly RefusedReferrer[]
  /** What could not be read; empty unless that was allowed. */
  readonly unread: readonly UnreadPart[]
}

/** A part of a tree that could not be read: nobody knows what is there. */
export interface UnreadPart {
  readonly part: TaggedKind | 'referrers' | 'child' | 'rest'
  /** A tag, or the digest of a child; of referrers, and of what was left out as too much, that of the manifest above them. */
  readonly name: string
  readonly error: ChanceryError
}

/** How much of a tree is read. */
export interface TreeReading {
  /** Whether the manifests that an index lists are read, each with all that belongs to it; true by default. */
  readonly readsChildren?: boolean
  /** Whether a part that cannot be read, or is too much, becomes an {@link UnreadPart}; by default its error is thrown. */
  readonly allowsUnread?: boolean
}

const MAX_MANIFESTS = 5000
const MAX_DEPTH = 8
const READS_AT_ONCE = 4

/** The tag beside an image under which one kind of things is: `sha256-<hex>.sig`, `.att`, `.sbom`. */
export function tagOf(digest: string, kind: TaggedKind): string {
  return `${digest.replace(':', '-')}.${SUFFIXES[kind]}`
}

/**
 * Reads an image with all that belongs to it: the children of an index, signatures, attestations and SBOMs under tags,
 * referrers and their referrers.
 *
 * @param reference Tag or digest.
 * @throws ChanceryError ERR_REGISTRY_NOT_FOUND if it, or a child of an index, is not there.
 * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if it is more than 5,000 manifests, or nested deeper than 8, and that is not
 * allowed to be left out.
 * @throws ChanceryError ERR_REGISTRY_ATTACHED_SIZE if what belongs to one image is more than the source allows.
 * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if an index contains itself; besides, what the source throws.
 */
export async function readImageTree(
  source: ArtifactSource,
  reference: string,
  reading: TreeReading = {},
): Promise<ImageTree> {
  const pulled = await source.findManifest(reference)
  if (pulled === undefined) throw absent(source, reference)
  return new TreeReader(source, reading).read(pulled, [])
}

/** All manifests of a tree, each once, those above before those below. */
export function manifestsOf(tree: ImageTree): readonly PulledManifest[] {
  const byDigest = new Map<string, PulledManifest>()
  const visit = ({ pulled, children, tagged, referrers }: ImageTree): void => {
    byDigest.set(pulled.digest, pulled)
    children.forEach(visit)
    for (const one of tagged) byDigest.set(one.pulled.digest, one.pulled)
    referrers.forEach(visit)
  }
  visit(tree)
  return [...byDigest.values()]
}

class TreeReader {
  readonly #source: ArtifactSource
  readonly #reading: TreeReading
  /** The image itself, and what was promised to be read. */
  #count = 1

  constructor(source: ArtifactSource, reading: TreeReading) {
    this.#source = source
    this.#reading = reading
  }

  /** @param owner Of the image that a referrer belongs to; undefined for an image itself, which has tags. */
  async read(
    pulled: PulledManifest,
    above: readonly string[],
    owner?: ByteAllowance,
  ): Promise<ImageTree> {
    const { digest, manifest } = pulled
    if (above.includes(digest)) {
      throw new ChanceryError('ERR_REGISTRY_BAD_ANSWER', `${digest} contains itself`)
    }
    const path = [...above, digest]
    const unread: UnreadPart[] = []
    const allowance = owner ?? new ByteAllowance(this.#source.maxAttachedBytes)
    const tagged = owner === undefined ? await this.#readTagged(digest, unread, allowance) : []
    const { allowsUnread = false, readsChildren = true } = this.#reading
    const found = await this.#attempt(unread, 'referrers', digest, () =>
      this.#source.findReferrers(digest, { allowance, refusesUnreadable: allowsUnread }),
    )
    let leftOut = 0
    const isLeftOut = (): boolean => {
      if (this.#count < MAX_MANIFESTS && path.length < MAX_DEPTH) {
        this.#count += 1
        return false
      }
      leftOut += 1
      if (!allowsUnread) throw tooMuch(leftOut, digest)
      return true
    }
    const referrers = await inParallel(found?.referrers ?? [], READS_AT_ONCE, async (one) =>
      isLeftOut() ? [] : [await this.read(one.pulled, path, allowance)],
    )
    const listed = manifest.kind === 'index' && readsChildren ? manifest.manifests : []
    const children = await inParallel(listed, READS_AT_ONCE, async (one) => {
      if (isLeftOut()) return []
      const child = await this.#attempt(unread, 'child', one.digest, () => this.#getChild(one))
      return child === undefined ? [] : [await this.read(child, path, owner)]
    })
    if (leftOut > 0) unread.push({ part: 'rest', name: digest, error: tooMuch(leftOut, digest) })
    return {
      pulled,
      artifactType: artifactTypeOf(manifest),
      children: children.flat(),
      tagged,
      referrers: referrers.flat(),
      refused: found?.refused ?? [],
      unread,
    }
  }

  /** What was read; undefined where it could not be, which is noted. */
  async #attempt<Part>(
    unread: UnreadPart[],
    part: UnreadPart['part'],
    name: string,
    read: () => Promise<Part>,
  ): Promise<Part | undefined> {
    try {
      return await read()
    } catch (error) {
      const isNoted = error instanceof ChanceryError && this.#reading.allowsUnread === true
      if (!isNoted) throw error
      unread.push({ part, name, error })
      return undefined
    }
  }

  async #getChild({ digest, size, mediaType }: Descriptor): Promise<PulledManifest> {
    const found = await this.#source.findManifest(digest)
    if (found === undefined) throw absent(this.#source, digest)
    if (found.bytes.length === size && found.mediaType === mediaType) return found
    throw new ChanceryError(
      'ERR_REGISTRY_DIGEST',
      `expected ${digest} to have the size and the media type that the index says`,
    )
  }

  async #readTagged(
    digest: string,
    unread: UnreadPart[],
    allowance: ByteAllowance,
  ): Promise<TaggedArtifact[]> {
    const found = await inParallel(TAGGED_KINDS, TAGGED_KINDS.length, async (kind) => {
      const tag = tagOf(digest, kind)
      const pulled = await this.#attempt(unread, kind, tag, () =>
        this.#source.findManifest(tag, allowance),
      )
      return { kind, tag, pulled }
    })
    return found.flatMap(({ kind, tag, pulled }) =>
      pulled === undefined ? [] : [{ kind, tag, pulled }],
    )
  }
}

function tooMuch(count: number, digest: string): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_TOO_LARGE',
    `expected at most ${MAX_MANIFESTS} manifests, nested at most ${MAX_DEPTH} deep; of what belongs to ${digest}, ${count} were not looked at`,
    { hints: ['Name the images in it one by one.'] },
  )
}

function absent({ name }: ArtifactSource, reference: string): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_NOT_FOUND', `there is no ${reference} in ${name}`, {
    hints: ['Check the name; an index may list images that were never pushed with it.'],
  })
}
