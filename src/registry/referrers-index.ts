import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import {
  MAX_MANIFEST_ENTRIES,
  OCI_IMAGE_INDEX,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
} from '../format/oci-manifest.ts'
import { inParallel } from './in-parallel.ts'
import type { RepositoryName } from './origins.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { EncodedContent, TagContent } from './tag-merge.ts'

/**
 * The tag that lists the referrers of a manifest where the registry does not: `sha256-<hex>`.
 * Source: distribution-spec, "Referrers Tag Schema".
 */
export function fallbackTag(digest: string): string {
  return digest.replace(':', '-')
}

/** What kind of artifact a manifest is. Source: image-spec, "Guidelines for Artifact Usage". */
export function artifactTypeOf(manifest: ImageManifest | ImageIndex): string | undefined {
  if (manifest.artifactType !== undefined) return manifest.artifactType
  return manifest.kind === 'manifest' ? manifest.config.mediaType : undefined
}

/** An entry of the index with all its members, those of others included. */
export type IndexEntry = Readonly<Record<string, unknown>> & { readonly digest: string }

/** The referrers of a manifest under their fallback tag. */
export const REFERRERS = {
  entriesOf,
  isSame: (one, other) => one.digest === other.digest,
  encode,
  findGone,
} satisfies TagContent<IndexEntry>

const LOOKS_AT_ONCE = 4

/** The entry of a referrer: as the distribution specification wants it, with the manifest's annotations. */
export function describeReferrer(descriptor: Descriptor): IndexEntry {
  const { mediaType, size, digest, annotations, artifactType } = descriptor
  return {
    mediaType,
    size,
    digest,
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  }
}

function entriesOf(found: PulledManifest | undefined): readonly IndexEntry[] {
  if (found === undefined) return []
  if (found.manifest.kind !== 'index') {
    throw new ChanceryError(
      'ERR_REGISTRY_SIGNATURES',
      'expected the tag for referrers to hold an index, found an image',
      { hints: ['Somebody else uses this tag; move what it holds elsewhere.'] },
    )
  }
  // The parsed form has only the members that are known here; the others are to be kept.
  const { manifests } = parseJson(found.bytes) as { readonly manifests: readonly IndexEntry[] }
  return manifests
}

/** Sorted by digest, so that the same referrers give the same index. */
function encode(
  entries: readonly IndexEntry[],
  replaced: PulledManifest | undefined,
): EncodedContent {
  if (entries.length > MAX_MANIFEST_ENTRIES) {
    throw new ChanceryError(
      'ERR_REGISTRY_SIGNATURES',
      `expected at most ${MAX_MANIFEST_ENTRIES} referrers of one manifest`,
      { hints: ['Remove those that are no longer needed, for example with `chancery clean`.'] },
    )
  }
  const { annotations } = replaced?.manifest ?? {}
  const manifests = entries.toSorted((one, other) => (one.digest < other.digest ? -1 : 1))
  const index = {
    schemaVersion: 2,
    mediaType: OCI_IMAGE_INDEX,
    manifests,
    ...(annotations === undefined ? {} : { annotations }),
  }
  return { mediaType: OCI_IMAGE_INDEX, bytes: new TextEncoder().encode(JSON.stringify(index)) }
}

async function findGone(
  client: RegistryClient,
  repository: RepositoryName,
  entries: readonly IndexEntry[],
  signal: AbortSignal | undefined,
): Promise<readonly IndexEntry[]> {
  const looks = await inParallel(entries, LOOKS_AT_ONCE, async (entry) => {
    try {
      return (await client.findManifest(repository, entry.digest, signal)) === undefined
    } catch (error) {
      // What cannot be read may be there all the same.
      if (error instanceof ChanceryError) return false
      throw error
    }
  })
  return entries.filter((_, index) => looks[index])
}
