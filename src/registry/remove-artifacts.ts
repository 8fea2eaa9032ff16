import { ChanceryError } from '../errors/chancery-error.ts'
import { saysUnknown } from './answers.ts'
import { DSSE_LAYER } from './attestation-manifest.ts'
import type { ImageTree, TaggedArtifact, TaggedKind } from './image-tree.ts'
import type { RepositoryName } from './origins.ts'
import { factsOf } from './published-artifacts.ts'
import { fallbackTag, REFERRERS } from './referrers-index.ts'
import type { RegistryClient } from './registry-client.ts'
import { pause } from './retry.ts'
import { SIMPLE_SIGNING_LAYER } from './signature-manifest.ts'

/** What is to be removed. */
export type RemovalKind = TaggedKind | 'referrer' | 'all'

/** Something attached to an image that is removed. */
export interface Removal {
  readonly kind: TaggedKind | 'referrer'
  /** The tag it is under; undefined for a referrer. */
  readonly tag: string | undefined
  /** `sha256:<hex>` of its manifest. */
  readonly digest: string
}

const MAX_ROUNDS = 5
const PAUSE_MS = 200

/** The types of layers by which it is known what lies under a tag. Source: Cosign, SIGNATURE_SPEC, ATTESTATION_SPEC, SBOM_SPEC. */
const IS_LAYER_TYPE: Readonly<Record<TaggedKind, (mediaType: string) => boolean>> = {
  signature: (mediaType) => mediaType === SIMPLE_SIGNING_LAYER,
  attestation: (mediaType) => mediaType === DSSE_LAYER,
  sbom: (mediaType) => /spdx|cyclonedx|syft|sbom/i.test(mediaType),
}
const WORDS: Readonly<Record<TaggedKind, string>> = {
  signature: 'signatures',
  attestation: 'attestations',
  sbom: 'an SBOM',
}

/**
 * What of an image would be removed; never the image itself, nor what belongs to the children of an index.
 *
 * `signature` and `attestation` mean both those under Cosign's tags and bundles; `referrer` every referrer.
 *
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if a tag of those that are meant holds something else: whoever can push can
 *   have it name any image, which would be removed in its place.
 */
export function planRemoval(tree: ImageTree, wanted: RemovalKind): readonly Removal[] {
  const meant = tree.tagged.filter(({ kind }) => wanted === 'all' || kind === wanted)
  meant.forEach(requireAttached)
  const tagged = meant.map(({ kind, tag, pulled }) => ({ kind, tag, digest: pulled.digest }))
  const referrers = tree.referrers.filter((referrer) => {
    return wanted === 'all' || wanted === 'referrer' || factsOf(referrer).kind === wanted
  })
  return [
    ...tagged,
    ...referrers.map(({ pulled }) => ({
      kind: 'referrer' as const,
      tag: undefined,
      digest: pulled.digest,
    })),
  ]
}

function requireAttached({ kind, tag, pulled: { manifest, digest } }: TaggedArtifact): void {
  const layers = manifest.kind === 'manifest' ? manifest.layers : []
  if (layers.some(({ mediaType }) => IS_LAYER_TYPE[kind](mediaType))) return
  const found = manifest.kind === 'manifest' ? 'an image' : 'an index'
  throw new ChanceryError(
    'ERR_REGISTRY_SIGNATURES',
    `expected ${tag} to hold ${WORDS[kind]}, found ${found}, ${digest}, which is not removed`,
    {
      hints: [
        'Somebody has moved the tag, by mistake or to have the image removed. Remove the tag alone, by other means; with --type the rest can be removed before.',
      ],
    },
  )
}

/**
 * Removes what was planned, and takes the referrers among it off the fallback tag.
 *
 * @param digest `sha256:<hex>` of the image.
 * @throws ChanceryError ERR_REGISTRY_NO_DELETE if the registry removes nothing.
 * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if something is still there afterwards.
 */
export async function removeArtifacts(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  removals: readonly Removal[],
  signal?: AbortSignal,
): Promise<void> {
  const referrers = removals.filter(({ kind }) => kind === 'referrer')
  // The list first: what is listed should be there.
  if (referrers.length > 0) {
    const removed = new Set(referrers.map((one) => one.digest))
    await removeFromList(client, repository, fallbackTag(digest), removed, signal)
  }
  for (const removal of removals) await remove(client, repository, removal, signal)
}

async function remove(
  client: RegistryClient,
  repository: RepositoryName,
  { tag, digest }: Removal,
  signal: AbortSignal | undefined,
): Promise<void> {
  // By digest: not every registry removes tags, and with a manifest most remove its tags.
  await client.deleteManifest(repository, digest, signal)
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const found = await client.findManifest(repository, tag ?? digest, signal)
    if (found === undefined) return
    // Others put something else there meanwhile: that is not to be removed.
    if (found.digest !== digest) return
    if (round > 1 && tag !== undefined) await removeTag(client, repository, tag, signal)
    await pause(PAUSE_MS, signal)
  }
  throw stillThere(tag ?? digest)
}

/**
 * Removes a tag that goes on naming a manifest that is gone, as with go-containerregistry's registry. There is no condition
 * to such a removal: that the tag names that manifest has to have been seen just before.
 */
async function removeTag(
  client: RegistryClient,
  repository: RepositoryName,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await client.deleteManifest(repository, tag, signal)
  } catch (error) {
    // One that removes no tags needs more time for what it has begun, or does not do it at all.
    if (!(error instanceof ChanceryError) || error.code !== 'ERR_REGISTRY_NO_DELETE') throw error
  }
}

/**
 * Whoever adds an entry at the same moment sees it missing and adds it again. What others remove at the same moment goes along
 * where the registry refuses a list that names it.
 */
async function removeFromList(
  client: RegistryClient,
  repository: RepositoryName,
  tag: string,
  wanted: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let removed = wanted
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const found = await client.findManifest(repository, tag, signal)
    if (found?.manifest.kind !== 'index') return
    const entries = REFERRERS.entriesOf(found)
    const kept = entries.filter((entry) => !removed.has(entry.digest))
    if (kept.length === entries.length) return
    if (kept.length === 0) {
      await remove(client, repository, { kind: 'referrer', tag, digest: found.digest }, signal)
    } else {
      const condition = { ifMatch: found.etag, isRepeatable: false, signal }
      try {
        await client.pushManifest(repository, tag, REFERRERS.encode(kept, found), condition)
      } catch (error) {
        if (!(error instanceof ChanceryError)) throw error
        const gone = saysUnknown(error)
          ? await REFERRERS.findGone(client, repository, kept, signal)
          : []
        if (gone.length === 0 && error.code !== 'ERR_REGISTRY_PRECONDITION') throw error
        removed = new Set([...removed, ...gone.map((entry) => entry.digest)])
      }
    }
    await pause(PAUSE_MS, signal)
  }
  throw stillThere(tag)
}

function stillThere(name: string): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_UNAVAILABLE', `${name} was removed and is still there`, {
    hints: ['Somebody else writes there at the same time? Try again.'],
  })
}
