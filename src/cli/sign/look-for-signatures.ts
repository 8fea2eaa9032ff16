import type { SignatureFormat } from '../../policy/signature-format.ts'
import { findBundle } from '../../registry/find-bundle.ts'
import { findSignature, type SeenSignatures } from '../../registry/find-signature.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import { fallbackTag } from '../../registry/referrers-index.ts'
import type { SeenTag } from '../../registry/referrers.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { signatureTag } from '../../registry/signature-manifest.ts'
import { mayHaveAnyTag, surveyTags, type MayHaveTag } from '../../registry/tag-survey.ts'
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
  /** Whether the tag of signatures is likely to be absent. */
  readonly isLikelyBare?: boolean
}

/** How images are looked at. */
export interface LookOptions {
  readonly maxWorkers: number
  readonly signal: AbortSignal
}

type LookAt = (image: ImageToSign, mayHaveTag: MayHaveTag) => Promise<ImageLook>

/** For so many tags of a repository its list of tags is read instead. */
const MANY_TAGS = 3

/**
 * Looks for the signatures that images have already, in each of the formats. Nothing is signed before all images have
 * been looked at.
 *
 * Of several in one repository the first is asked for itself; of the others only what the list of tags names, unless the
 * first one shows that the list is out of date.
 *
 * @throws ChanceryError what {@link findSignature} and {@link findBundle} throw.
 */
export async function lookForSignatures(
  client: RegistryClient,
  images: readonly ImageToSign[],
  formats: readonly SignatureFormat[],
  owner: SignatureOwner,
  { maxWorkers, signal }: LookOptions,
): Promise<readonly ImageLook[]> {
  const lookAt: LookAt = (image, mayHaveTag) =>
    lookAtImage(client, image, formats, owner, mayHaveTag, signal)
  const groups = [...Map.groupBy(images, ({ context }) => context).values()]
  const surveyed = await inParallel(groups, maxWorkers, async ([first, ...others]) => {
    if (first === undefined) return { first: [], others: [] }
    const look = await lookAt(first, mayHaveAnyTag)
    const isWorthIt = others.length * formats.length >= MANY_TAGS
    const mayHaveTag = isWorthIt
      ? await surveyTags(client, first.image.repository, signal)
      : mayHaveAnyTag
    const isOutdated = tagsSeen(look).some((tag) => !mayHaveTag(tag))
    const known = isOutdated ? mayHaveAnyTag : mayHaveTag
    return { first: [look], others: others.map((image) => ({ image, mayHaveTag: known })) }
  })
  const others = surveyed.flatMap((group) => group.others)
  const looks = [
    ...surveyed.flatMap((group) => group.first),
    ...(await inParallel(others, maxWorkers, (one) => lookAt(one.image, one.mayHaveTag))),
  ]
  return looks.toSorted((one, other) => images.indexOf(one.image) - images.indexOf(other.image))
}

async function lookAtImage(
  client: RegistryClient,
  image: ImageToSign,
  formats: readonly SignatureFormat[],
  owner: SignatureOwner,
  mayHaveTag: MayHaveTag,
  signal: AbortSignal,
): Promise<ImageLook> {
  const there: MadeSignature[] = []
  let seen: SeenTags = {}
  const isListed = mayHaveTag(signatureTag(image.image.digest))
  if (formats.includes('legacy') && isListed) {
    const { payload } = image
    const options = { certificate: owner.chain?.certificate, signal }
    const { signature, found } = await findSignature(
      client,
      image.image,
      payload,
      owner.publicKey,
      options,
    )
    seen = found === undefined ? { isLikelyBare: true } : { legacy: { found } }
    if (signature !== undefined) there.push({ format: 'legacy', signature })
  } else if (!isListed) seen = { isLikelyBare: true }
  if (formats.includes('bundle')) {
    const wanted = wantedBundle(image, owner)
    const found = await findBundle(client, image.image, wanted, { mayHaveTag, signal })
    seen = { ...seen, bundle: found.seen }
    if (found.bundle !== undefined) there.push({ format: 'bundle', bundle: found.bundle.bytes })
  }
  const missing = formats.filter((format) => !there.some((made) => made.format === format))
  return { image, there, missing, seen }
}

/** The tags that were found beside an image. */
function tagsSeen({ image, seen }: ImageLook): readonly string[] {
  const { digest } = image.image
  return [
    ...(seen.legacy?.found === undefined ? [] : [signatureTag(digest)]),
    ...(seen.bundle?.found === undefined ? [] : [fallbackTag(digest)]),
  ]
}

/** Nothing is known of any image, so that all of it is to be made. */
export function lookAtNothing(
  images: readonly ImageToSign[],
  formats: readonly SignatureFormat[],
): readonly ImageLook[] {
  return images.map((image) => ({ image, there: [], missing: formats, seen: {} }))
}
