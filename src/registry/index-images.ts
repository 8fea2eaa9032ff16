import { ChanceryError } from '../errors/chancery-error.ts'
import { isSha256Digest } from '../format/oci-digest.ts'
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
} from '../format/oci-manifest.ts'
import { referenceContext, type ImageReference } from '../format/oci-reference.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { ResolvedImage } from './resolve-image.ts'

/** The most images that an index may hold, with those of the indexes in it. */
export const MAX_INDEX_IMAGES = 1000
/** How deep indexes may lie in one another; in practice they do not at all. */
const MAX_DEPTH = 4

const INDEXES: readonly string[] = [OCI_IMAGE_INDEX, DOCKER_MANIFEST_LIST]
const IMAGES: readonly string[] = [OCI_IMAGE_MANIFEST, DOCKER_MANIFEST]

/**
 * An image and, where it is an index, every manifest that it lists, and so on: the image itself first, then depth
 * first in the order of the index. What is listed twice comes once.
 *
 * The reference is looked up once; what is below it is named by the digests in bytes that were checked, so that nothing
 * can move meanwhile. Of the images in an index nothing but the digest is read.
 *
 * @throws ChanceryError ERR_REGISTRY_INDEX if the index lists what is no image, or not by SHA-256, more than
 * {@link MAX_INDEX_IMAGES}, or lies too deep.
 * @throws ChanceryError ERR_REGISTRY_NOT_FOUND if an index is not there; besides, what {@link RegistryClient} throws.
 */
export async function resolveIndexImages(
  client: RegistryClient,
  reference: ImageReference,
  signal?: AbortSignal,
): Promise<readonly ResolvedImage[]> {
  const { registry, repository } = reference
  const context = { registry, repository }
  const name = reference.digest ?? reference.tag ?? 'latest'
  const get = (one: string) => client.getManifest(context, one, signal)
  const images = await walkIndex(get, name, referenceContext(reference))
  return images.map((image) => ({ repository: context, ...image }))
}

/**
 * Like {@link resolveIndexImages}, wherever manifests come from.
 *
 * @param get A manifest by tag or digest.
 * @param name Tag or digest of the image.
 * @param label What the image is called in messages.
 */
export async function walkIndex(
  get: (name: string) => Promise<PulledManifest>,
  name: string,
  label: string,
): Promise<readonly Omit<ResolvedImage, 'repository'>[]> {
  const { digest, mediaType, bytes, manifest } = await get(name)
  const images = new Map<string, Omit<ResolvedImage, 'repository'>>()
  const add = (image: Omit<ResolvedImage, 'repository'>) => images.set(image.digest, image)
  add({ digest, mediaType, size: bytes.length })
  const walk = async (index: ImageManifest | ImageIndex, depth: number): Promise<void> => {
    if (index.kind === 'manifest') return
    for (const entry of index.manifests) {
      const isIndex = requireImage(label, entry)
      if (images.has(entry.digest)) continue
      add({ digest: entry.digest, mediaType: entry.mediaType, size: entry.size })
      if (images.size > MAX_INDEX_IMAGES) {
        throw refused(label, `at most ${MAX_INDEX_IMAGES} images`)
      }
      if (!isIndex) continue
      if (depth === MAX_DEPTH) throw refused(label, `indexes at most ${MAX_DEPTH} deep`)
      await walk((await get(entry.digest)).manifest, depth + 1)
    }
  }
  await walk(manifest, 1)
  return [...images.values()]
}

/** Whether an entry of an index is an index itself. */
function requireImage(label: string, { mediaType, digest }: Descriptor): boolean {
  if (!isSha256Digest(digest)) throw refused(label, 'images listed by their SHA-256 digest')
  if (INDEXES.includes(mediaType)) return true
  if (IMAGES.includes(mediaType)) return false
  throw refused(label, `nothing but images and indexes; ${digest} is something else`)
}

function refused(label: string, expected: string): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_INDEX',
    `expected the index ${label} to hold ${expected}`,
    { hints: ['Name the images one by one, without --recursive.'] },
  )
}
