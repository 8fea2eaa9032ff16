import { referenceContext, type ImageReference } from '../../format/oci-reference.ts'
import { resolveIndexImages } from '../../registry/index-images.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { resolveImage, type ResolvedImage } from '../../registry/resolve-image.ts'
import type { Output } from '../output.ts'

/** An image, by a digest that was looked up once. */
export interface NamedImage {
  /** `registry/repository@sha256:<hex>` */
  readonly name: string
  /** `registry/repository` */
  readonly context: string
  readonly image: ResolvedImage
  /** What its files in a signing request are called, without the extension: another name for each image. */
  readonly fileName: string
}

/**
 * Looks images up, each once, and says which they are. What is named twice is one image.
 *
 * @param isRecursive Whether an index brings along what it lists.
 * @throws ChanceryError what {@link resolveIndexImages} throws.
 */
export async function findNamedImages(
  output: Output,
  client: RegistryClient,
  references: readonly ImageReference[],
  isRecursive: boolean,
  signal: AbortSignal,
): Promise<readonly NamedImage[]> {
  const images = new Map<string, NamedImage>()
  for (const reference of references) {
    const found = isRecursive
      ? await resolveIndexImages(client, reference, signal)
      : [await resolveImage(client, reference, signal)]
    sayResolved(output, reference, found)
    for (const image of found) {
      const context = referenceContext(image.repository)
      const name = `${context}@${image.digest}`
      if (images.has(name)) continue
      images.set(name, { name, context, image, fileName: fileNameOf(images.size + 1, image) })
    }
  }
  return [...images.values()]
}

function sayResolved(
  output: Output,
  reference: ImageReference,
  found: readonly ResolvedImage[],
): void {
  const context = referenceContext(reference)
  const name = `${context}@${found[0]?.digest ?? ''}`
  if (reference.digest === undefined) {
    output.progress(`${context}:${reference.tag ?? 'latest'} is ${name}`)
  }
  if (found.length > 1) output.progress(`${name} is an index; with it ${found.length} images`)
}

/** `<n>-<last part of the repository>-<first digits of the digest>` */
function fileNameOf(number: number, { repository, digest }: ResolvedImage): string {
  const last = repository.repository.split('/').at(-1) ?? ''
  return `${number}-${last.slice(0, 100)}-${digest.slice('sha256:'.length, 19)}`
}
