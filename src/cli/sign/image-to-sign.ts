import { referenceContext, type ImageReference } from '../../format/oci-reference.ts'
import { encodeSimpleSigning } from '../../format/simple-signing.ts'
import { resolveIndexImages } from '../../registry/index-images.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { resolveImage, type ImageByDigest } from '../../registry/resolve-image.ts'

/** An image that is to be signed, by a digest that was looked up once. */
export interface ImageToSign {
  /** `registry/repository@sha256:<hex>` */
  readonly name: string
  readonly image: ImageByDigest
  /** The metadata file: what is signed. */
  readonly payload: Uint8Array
  /** The name of the metadata file in a signing request, for the people who look at it. */
  readonly fileName: string
}

/** What is said about images. */
export interface ImageClaims {
  readonly annotations: Readonly<Record<string, string>>
  /** Whether an index brings along what it lists. */
  readonly isRecursive: boolean
}

/**
 * Looks the images up, each once, and makes their metadata files. What is named twice is one image.
 *
 * @param onResolved Called for each reference with the images it stands for, itself first.
 * @throws ChanceryError what {@link resolveIndexImages} throws.
 */
export async function findImagesToSign(
  client: RegistryClient,
  references: readonly ImageReference[],
  { annotations, isRecursive }: ImageClaims,
  onResolved: (reference: ImageReference, images: readonly ImageByDigest[]) => void,
  signal: AbortSignal,
): Promise<readonly ImageToSign[]> {
  const images = new Map<string, ImageToSign>()
  for (const reference of references) {
    const found = isRecursive
      ? await resolveIndexImages(client, reference, signal)
      : [await resolveImage(client, reference, signal)]
    onResolved(reference, found)
    for (const image of found) {
      const context = referenceContext(image.repository)
      const name = `${context}@${image.digest}`
      if (images.has(name)) continue
      const payload = encodeSimpleSigning({
        dockerReference: context,
        manifestDigest: image.digest,
        annotations,
      })
      const fileName = fileNameOf(images.size + 1, image)
      images.set(name, { name, image, payload, fileName })
    }
  }
  return [...images.values()]
}

/** `<n>-<last part of the repository>-<first digits of the digest>.json` */
function fileNameOf(number: number, { repository, digest }: ImageByDigest): string {
  const last = repository.repository.split('/').at(-1) ?? ''
  return `${number}-${last.slice(0, 100)}-${digest.slice('sha256:'.length, 19)}.json`
}
