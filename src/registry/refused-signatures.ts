import { ChanceryError } from '../errors/chancery-error.ts'
import { referenceContext } from '../format/oci-reference.ts'
import type { ImageToVerify } from './image-judge.ts'
import type { RefusedSignature } from './verify-image.ts'

/** So many reasons are told, and so many signatures named for each. */
const MAX_REASONS = 20
const MAX_NAMED = 5

/**
 * The error of an image without signatures, or without attestations of a type.
 *
 * @param others How many others it has.
 */
export function unsigned(
  image: ImageToVerify,
  others: number,
  predicateType?: string,
): ChanceryError {
  const missing =
    predicateType === undefined ? 'signature' : `attestation of the type ${predicateType}`
  const [what, are] = others === 1 ? ['1 referrer', 'is'] : [`${others} referrers`, 'are']
  return new ChanceryError('ERR_VERIFY_UNSIGNED', `${nameOf(image)} has no ${missing}`, {
    hints: [
      ...(others === 0 ? [] : [`It has ${what} that ${are} something else: attestations, SBOMs.`]),
      'Signatures are looked for in the repository of the image: was it copied without them?',
    ],
  })
}

/** The error of an image none of whose signatures is accepted. @param refused At least one. */
export function nothingAccepted(
  image: ImageToVerify,
  refused: readonly RefusedSignature[],
): ChanceryError {
  // Where a signature could not be read, nobody knows whether it would have been accepted.
  const unread = refused.find(({ error }) => isOfTransport(error))
  if (unread !== undefined) return unread.error
  return new ChanceryError(
    'ERR_VERIFY_NOTHING_ACCEPTED',
    refused.length === 1
      ? `the one signature of ${nameOf(image)} is not accepted`
      : `none of the ${refused.length} signatures of ${nameOf(image)} is accepted`,
    { hints: explain(refused) },
  )
}

function nameOf({ repository, digest }: ImageToVerify): string {
  return repository === undefined ? digest : `${referenceContext(repository)}@${digest}`
}

/** Whether something was kept from being read on the way to it, so that nobody knows what it is. */
export function isOfTransport({ kind }: ChanceryError): boolean {
  return kind === 'unavailable' || kind === 'unauthenticated' || kind === 'denied'
}

/** What a signature is called: `Signature 2 under sha256-….sig`, `Bundle sha256:…`, `What is under sha256-….sig`. */
export function describePlace(place: RefusedSignature['place']): string {
  if (!('format' in place)) {
    const { manifest, tag } = place
    return tag === undefined ? `Referrer ${manifest ?? ''}` : `What is under ${tag}`
  }
  if (place.format === 'bundle') return `Bundle ${place.manifest}`
  const what = place.format === 'envelope' ? 'Attestation' : 'Signature'
  return `${what} ${place.index + 1} under ${place.tag ?? place.manifest}`
}

/** One line for each reason, so that a thousand signatures of another key are not a thousand lines. */
function explain(refused: readonly RefusedSignature[]): string[] {
  const byReason = new Map<string, string[]>()
  for (const { place, error } of refused) {
    const reason = `${error.message} (${error.code})`
    const places = byReason.get(reason) ?? []
    places.push(describePlace(place))
    byReason.set(reason, places)
  }
  const reasons = [...byReason].slice(0, MAX_REASONS).map(([reason, places]) => {
    const more = places.length > MAX_NAMED ? `, and ${places.length - MAX_NAMED} more` : ''
    return `${places.slice(0, MAX_NAMED).join(', ')}${more}: ${reason}`
  })
  return byReason.size > MAX_REASONS ? [...reasons, 'And more.'] : reasons
}
