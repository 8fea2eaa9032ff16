import { ChanceryError } from '../errors/chancery-error.ts'
import { OCI_IMAGE_INDEX, type Descriptor } from '../format/oci-manifest.ts'
import type { ArtifactSink, ArtifactSource } from './artifact-store.ts'
import { artifactsUnderTag } from './artifacts-under-tag.ts'
import {
  manifestsOf,
  readImageTree,
  type ImageTree,
  type TaggedArtifact,
  type TaggedKind,
} from './image-tree.ts'
import { inParallel } from './in-parallel.ts'
import type { PulledManifest } from './registry-client.ts'

/** A part of what belongs to an image, that may be transferred alone. */
export type TransferPart = TaggedKind | 'referrer'

/** What is transferred, and how. */
export interface TransferOptions {
  /** These parts alone, without the image; by default the image and everything. */
  readonly only?: readonly TransferPart[] | undefined
  /** The tag that the image gets. */
  readonly tag?: string | undefined
}

/** What is at the destination now, counted there. */
export interface TransferReport {
  readonly digest: string
  readonly manifests: number
  readonly blobs: number
  /** Layers under the tags of Cosign. */
  readonly signatures: number
  readonly attestations: number
  readonly sboms: number
  readonly referrers: number
}

const BLOBS_AT_ONCE = 4
const MAX_ATTEMPTS = 3

/**
 * Transfers an image with everything that belongs to it: blobs before manifests, children before their index, signatures
 * and referrers with the image, the tag last. Then reads at the destination what was to be transferred and compares.
 *
 * May be repeated: what is there is not sent again, and what the destination has besides stays.
 *
 * @param written The destination, for reading when everything is written.
 * @throws ChanceryError ERR_REGISTRY_REFERRER if the source lists a referrer that is none: nothing is written then.
 * @throws ChanceryError ERR_REGISTRY_INCOMPLETE if something is missing at the destination afterwards.
 * @throws ChanceryError ERR_REGISTRY_DIGEST if the source has other bytes than its manifests say; besides, what source
 * and sink throw.
 */
export async function transferImage(
  tree: ImageTree,
  from: ArtifactSource,
  to: ArtifactSink,
  written: ArtifactSource | (() => Promise<ArtifactSource>),
  options: TransferOptions = {},
): Promise<TransferReport> {
  const { only } = options
  requireNoneRefused(tree)
  const chosen = only === undefined ? tree : choose(tree, new Set(only))
  const isWhole = only === undefined
  const transfer = new Transfer(from, to)
  await transfer.write(chosen, isWhole)
  if (isWhole && options.tag !== undefined) await to.setTag(options.tag, tree.pulled)
  const destination = typeof written === 'function' ? await written() : written
  const missing = await findMissing(chosen, destination, isWhole)
  if (missing.length > 0) {
    throw new ChanceryError(
      'ERR_REGISTRY_INCOMPLETE',
      `expected everything of ${tree.pulled.digest} at the destination; ${missing.length} missing, the first ${missing[0] ?? ''}`,
      { hints: ['Do it again: what is there already is not sent again.'] },
    )
  }
  return count(chosen, transfer.blobs.size)
}

function requireNoneRefused(tree: ImageTree): void {
  const [refused] = tree.refused
  if (refused !== undefined) throw refused.error
  for (const one of [...tree.children, ...tree.referrers]) requireNoneRefused(one)
}

/** The tree without the parts that are not wanted. */
function choose(tree: ImageTree, parts: ReadonlySet<TransferPart>): ImageTree {
  return {
    ...tree,
    tagged: tree.tagged.filter(({ kind }) => parts.has(kind)),
    referrers: parts.has('referrer') ? tree.referrers : [],
    children: tree.children.map((child) => choose(child, parts)),
  }
}

class Transfer {
  readonly #from: ArtifactSource
  readonly #to: ArtifactSink
  /** Digests of the blobs that are at the destination. */
  readonly blobs = new Set<string>()

  constructor(from: ArtifactSource, to: ArtifactSink) {
    this.#from = from
    this.#to = to
  }

  /** @param hasImage Whether the manifests of the image itself are written, besides what belongs to them. */
  async write(tree: ImageTree, hasImage: boolean): Promise<void> {
    for (const child of tree.children) await this.write(child, hasImage)
    if (hasImage) await this.#writeManifest(tree.pulled)
    for (const { tag, pulled, kind } of tree.tagged) {
      await this.#writeBlobs(pulled)
      if (kind === 'sbom' || pulled.manifest.kind === 'index') {
        await this.#to.pushManifest(pulled)
        await this.#to.setTag(tag, pulled)
      } else await this.#to.addToTag(tag, pulled)
    }
    // Together, so that what is listed under one tag is written at once.
    await Promise.all(tree.referrers.map((referrer) => this.write(referrer, true)))
  }

  async #writeManifest(pulled: PulledManifest): Promise<void> {
    await this.#writeBlobs(pulled)
    await this.#to.pushManifest(pulled)
  }

  async #writeBlobs({ manifest }: PulledManifest): Promise<void> {
    const listed = manifest.kind === 'manifest' ? [manifest.config, ...manifest.layers] : []
    const byDigest = new Map(listed.map((one) => [one.digest, one]))
    const missing = [...byDigest.values()].filter(({ digest }) => !this.blobs.has(digest))
    await inParallel(missing, BLOBS_AT_ONCE, (one) => this.#writeBlob(one))
  }

  async #writeBlob(blob: Descriptor): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const open = () => this.#from.openBlob(blob)
        await this.#to.pushBlob(blob, open, this.#from.repository)
        this.blobs.add(blob.digest)
        return
      } catch (error) {
        const mayHelp = error instanceof ChanceryError && error.code === 'ERR_REGISTRY_UNAVAILABLE'
        if (!mayHelp || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }
}

/** What of the tree the destination does not have, in words. */
async function findMissing(
  tree: ImageTree,
  destination: ArtifactSource,
  hasImage: boolean,
): Promise<string[]> {
  if (hasImage) {
    const found = await readImageTree(destination, tree.pulled.digest)
    return compare(tree, found, manifestsOf(found))
  }
  const missing: string[] = []
  for (const part of [tree, ...tree.children]) {
    const { digest } = part.pulled
    const { referrers } = await destination.findReferrers(digest)
    const present = new Set(referrers.map(({ pulled }) => pulled.digest))
    const wanted = part.referrers.map(({ pulled }) => pulled.digest)
    missing.push(...wanted.filter((one) => !present.has(one)).map((one) => `referrer ${one}`))
    for (const tagged of part.tagged) {
      const found = await destination.findManifest(tagged.tag)
      missing.push(...missingUnderTag(tagged, found))
    }
  }
  return missing
}

function compare(tree: ImageTree, found: ImageTree, present: readonly PulledManifest[]): string[] {
  const digests = new Set(present.map(({ digest }) => digest))
  const missing = [tree.pulled, ...tree.referrers.map(({ pulled }) => pulled)]
    .filter(({ digest }) => !digests.has(digest))
    .map(({ digest }) => `manifest ${digest}`)
  for (const tagged of tree.tagged) {
    const there = found.tagged.find(({ tag }) => tag === tagged.tag)
    missing.push(...missingUnderTag(tagged, there?.pulled))
  }
  const below = (parts: readonly ImageTree[], others: readonly ImageTree[]) =>
    parts.flatMap((part) => {
      const other = others.find(({ pulled }) => pulled.digest === part.pulled.digest)
      return other === undefined
        ? [`manifest ${part.pulled.digest}`]
        : compare(part, other, present)
    })
  return [
    ...missing,
    ...below(tree.children, found.children),
    ...below(tree.referrers, found.referrers),
  ]
}

function missingUnderTag(
  { tag, kind, pulled }: TaggedArtifact,
  found: PulledManifest | undefined,
): string[] {
  if (found?.digest === pulled.digest) return []
  if (found === undefined || kind === 'sbom' || pulled.manifest.kind === 'index') return [tag]
  const { entriesOf, isSame } = artifactsUnderTag
  const there = entriesOf(found)
  const lost = entriesOf(pulled).filter((one) => !there.some((other) => isSame(one, other)))
  return lost.map(({ digest }) => `${tag} with ${digest}`)
}

function count(tree: ImageTree, blobs: number): TransferReport {
  let [signatures, attestations, sboms, referrers] = [0, 0, 0, 0]
  const visit = (part: ImageTree): void => {
    for (const { kind, pulled } of part.tagged) {
      const layers = pulled.mediaType === OCI_IMAGE_INDEX ? 1 : layersIn(pulled)
      if (kind === 'signature') signatures += layers
      else if (kind === 'attestation') attestations += layers
      else sboms += layers
    }
    referrers += part.referrers.length
    part.children.forEach(visit)
    part.referrers.forEach(visit)
  }
  visit(tree)
  const manifests = manifestsOf(tree).length
  const { digest } = tree.pulled
  return { digest, manifests, blobs, signatures, attestations, sboms, referrers }
}

function layersIn({ manifest }: PulledManifest): number {
  return manifest.kind === 'manifest' ? manifest.layers.length : 0
}
