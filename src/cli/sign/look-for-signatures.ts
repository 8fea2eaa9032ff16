import type { SignatureFormat } from '../../policy/signature-format.ts'
import { findBundle } from '../../registry/find-bundle.ts'
import { findSignature, type SeenSignatures } from '../../registry/find-signature.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { SeenTag } from '../../registry/referrers.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import type { ImageToSign } from './image-to-sign.ts'
import { wantedBundle, type MadeSignature, type SignatureOwner } from './made-signature.ts'

/** What an image has already of what is to be made. */
export interface ImageLook {
  readonly image: ImageToSign
  readonly there: readonly MadeSignature[]
  /** In the order of the formats that were asked for. */
  readonly missing: readonly SignatureFormat[]
  readonly seen: SeenTags
}

/** What the tags beside an image held; undefined if they were not looked at. */
export interface SeenTags {
  readonly legacy?: SeenSignatures | undefined
  readonly bundle?: SeenTag | undefined
}

/**
 * Looks for the signatures that images have already, in each of the formats. Nothing is signed before all images have
 * been looked at.
 *
 * @throws ChanceryError what {@link findSignature} and {@link findBundle} throw.
 */
export async function lookForSignatures(
  client: RegistryClient,
  images: readonly ImageToSign[],
  formats: readonly SignatureFormat[],
  owner: SignatureOwner,
  { maxWorkers, signal }: { readonly maxWorkers: number; readonly signal: AbortSignal },
): Promise<readonly ImageLook[]> {
  return inParallel(images, maxWorkers, async (image) => {
    const there: MadeSignature[] = []
    let seen: SeenTags = {}
    if (formats.includes('legacy')) {
      const { payload } = image
      const options = { certificate: owner.chain?.certificate, signal }
      const { signature, found } = await findSignature(
        client,
        image.image,
        payload,
        owner.publicKey,
        options,
      )
      seen = { legacy: { found } }
      if (signature !== undefined) there.push({ format: 'legacy', signature })
    }
    if (formats.includes('bundle')) {
      const found = await findBundle(client, image.image, wantedBundle(image, owner), signal)
      seen = { ...seen, bundle: found.seen }
      if (found.bundle !== undefined) there.push({ format: 'bundle', bundle: found.bundle.bytes })
    }
    const missing = formats.filter((format) => !there.some((made) => made.format === format))
    return { image, there, missing, seen }
  })
}

/** Nothing is known of any image, so that all of it is to be made. */
export function lookAtNothing(
  images: readonly ImageToSign[],
  formats: readonly SignatureFormat[],
): readonly ImageLook[] {
  return images.map((image) => ({ image, there: [], missing: formats, seen: {} }))
}
