import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../format/dsse.ts'
import { encodeImageStatement } from '../../format/image-statement.ts'
import { referenceContext, type ImageReference } from '../../format/oci-reference.ts'
import { encodeSimpleSigning } from '../../format/simple-signing.ts'
import { resolveIndexImages } from '../../registry/index-images.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import {
  resolveImage,
  type ImageByDigest,
  type ResolvedImage,
} from '../../registry/resolve-image.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import type { MessageToSign } from './message-signer.ts'

/** An image that is to be signed, by a digest that was looked up once. */
export interface ImageToSign {
  /** `registry/repository@sha256:<hex>` */
  readonly name: string
  readonly image: ResolvedImage
  /** The metadata file: what is signed in the legacy format. */
  readonly payload: Uint8Array
  /** The in-toto statement: what a bundle holds. */
  readonly statement: Uint8Array
  /** What is signed for each format: the metadata file, and what DSSE signs for the statement. */
  readonly messages: Readonly<Record<SignatureFormat, MessageToSign>>
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
      const content = { manifestDigest: image.digest, annotations }
      const payload = encodeSimpleSigning({ dockerReference: context, ...content })
      const statement = encodeImageStatement({ name: context, ...content })
      const file = fileNameOf(images.size + 1, image)
      const messages = {
        legacy: { fileName: `${file}.json`, bytes: payload },
        bundle: { fileName: `${file}.dsse`, bytes: encodePae(IN_TOTO_PAYLOAD_TYPE, statement) },
      }
      images.set(name, { name, image, payload, statement, messages })
    }
  }
  return [...images.values()]
}

/** `<n>-<last part of the repository>-<first digits of the digest>` */
function fileNameOf(number: number, { repository, digest }: ImageByDigest): string {
  const last = repository.repository.split('/').at(-1) ?? ''
  return `${number}-${last.slice(0, 100)}-${digest.slice('sha256:'.length, 19)}`
}
