import { ChanceryError } from '../../errors/chancery-error.ts'
import { referenceContext, type ImageReference } from '../../format/oci-reference.ts'
import { parseLayoutName } from '../layout-name.ts'
import { userFileExists } from '../local-files.ts'
import { openOciLayout } from '../../registry/oci-layout.ts'
import { resolveIndexImages, walkIndex } from '../../registry/index-images.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { repositorySource } from '../../registry/repository-store.ts'
import { resolveImage, type ResolvedImage } from '../../registry/resolve-image.ts'
import { mayHaveAnyTag, surveyTags, type MayHaveTag } from '../../registry/tag-survey.ts'
import {
  examineImage,
  type ImageRequirements,
  type ImageVerification,
} from '../../registry/verify-image.ts'

/** What is known about an image that was named and, with `--recursive`, about all that it lists. */
export interface VerifiedTree {
  readonly images: readonly ImageVerification[]
  /** Why the image is not accepted; undefined if all of the tree is. */
  readonly failure: ChanceryError | undefined
}

/** How images are gone through. */
export interface TreeOptions {
  readonly isRecursive: boolean
  /** How many images at the same time. */
  readonly maxWorkers: number
  /** Called after each image, with how many are done and how many there are. */
  readonly onProgress: (done: number, all: number) => void
}

/** How an image in a layout is read. */
export interface LayoutOptions extends Pick<TreeOptions, 'isRecursive'> {
  /** How many bytes are read of what belongs to one image. */
  readonly maxAttachedBytes: number
}

/** Of so many images of a repository its list of tags is read, so that tags it lacks are looked at last. */
const MANY_IMAGES = 4
/** So many images that are not accepted are named in an error. */
const MAX_NAMED = 20

/** Verifies images and all that they list; all are tried, whatever becomes of others. In the order of the references. */
export async function verifyTrees(
  client: RegistryClient,
  references: readonly ImageReference[],
  requirements: ImageRequirements,
  { isRecursive, maxWorkers, onProgress }: TreeOptions,
): Promise<readonly VerifiedTree[]> {
  const { signal } = requirements
  const resolved = await inParallel(references, maxWorkers, async (reference) => {
    try {
      return isRecursive
        ? await resolveIndexImages(client, reference, signal)
        : [await resolveImage(client, reference, signal)]
    } catch (error) {
      if (error instanceof ChanceryError) return error
      throw error
    }
  })
  const all = resolved.flatMap((images) => (images instanceof ChanceryError ? [] : images))
  const surveys = await surveyRepositories(client, all, maxWorkers, signal)
  let done = 0
  const verified = await inParallel(all, maxWorkers, async (image) => {
    const source = repositorySource(client, image.repository, signal)
    const mayHaveTag = surveys.get(referenceContext(image.repository))
    const verification = await examineImage(source, image, requirements, { mayHaveTag })
    done += 1
    onProgress(done, all.length)
    return verification
  })
  let taken = 0
  return resolved.map((images) => {
    if (images instanceof ChanceryError) return { images: [], failure: images }
    taken += images.length
    return treeOf(verified.slice(taken - images.length, taken))
  })
}

/** Which tags the repositories have of which several images are verified. */
async function surveyRepositories(
  client: RegistryClient,
  images: readonly ResolvedImage[],
  maxWorkers: number,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, MayHaveTag>> {
  const groups = Map.groupBy(images, ({ repository }) => referenceContext(repository))
  const large = [...groups].filter(([, group]) => group.length >= MANY_IMAGES)
  const surveys = await inParallel(large, maxWorkers, async ([name, [image]]) => {
    const mayHaveTag =
      image === undefined ? mayHaveAnyTag : await surveyTags(client, image.repository, signal)
    return [name, mayHaveTag] as const
  })
  return new Map(surveys)
}

/**
 * Verifies an image in an OCI image layout, a directory or an archive, without a network.
 *
 * @param name What the user said, as {@link parseLayoutName} reads it.
 */
export async function verifyLayout(
  name: string,
  requirements: ImageRequirements,
  options: LayoutOptions,
): Promise<VerifiedTree> {
  try {
    return await verifyInLayout(name, requirements, options)
  } catch (error) {
    if (error instanceof ChanceryError) return { images: [], failure: error }
    throw error
  }
}

async function verifyInLayout(
  layoutName: string,
  requirements: ImageRequirements,
  { isRecursive, maxAttachedBytes }: LayoutOptions,
): Promise<VerifiedTree> {
  const { path, image } = parseLayoutName(layoutName, await userFileExists(layoutName))
  await using layout = await openOciLayout(path, image, maxAttachedBytes)
  const get = async (name: string) => {
    const found = await layout.findManifest(name)
    if (found !== undefined) return found
    throw new ChanceryError('ERR_REGISTRY_LAYOUT', `expected ${name} in ${layout.name}`)
  }
  const named = isRecursive
    ? await walkIndex(get, layout.digest, layout.digest)
    : [{ digest: layout.digest }]
  const images: ImageVerification[] = []
  for (const { digest } of named) {
    // What is accepted is in the directory: that a list names it does not put it there.
    await get(digest)
    images.push(await examineImage(layout, { digest, repository: undefined }, requirements))
  }
  return treeOf(images)
}

/** The tree of images that belong together; what kept one from being looked at comes before what is wrong with another. */
function treeOf(images: readonly ImageVerification[]): VerifiedTree {
  return { images, failure: failureOf(images) }
}

function failureOf(images: readonly ImageVerification[]): ChanceryError | undefined {
  const failures = images.flatMap(({ failure }) => failure ?? [])
  const [first] = failures
  if (first === undefined || images.length === 1) return first
  const unknown = failures.find(({ kind }) => kind !== 'refused')
  if (unknown !== undefined) return unknown
  const named = failures.slice(0, MAX_NAMED).flatMap(({ message, hints }) => [message, ...hints])
  return new ChanceryError(
    'ERR_VERIFY_INCOMPLETE',
    `expected the index and every image in it to be accepted, found ${failures.length} of ${images.length} that are not`,
    { hints: [...named, ...(failures.length > MAX_NAMED ? ['And more.'] : [])] },
  )
}
