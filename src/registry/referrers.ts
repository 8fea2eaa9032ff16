import { ChanceryError } from '../errors/chancery-error.ts'
import type { ErrorCode } from '../errors/codes.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { badContent } from './answers.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import { inParallel } from './in-parallel.ts'
import type { RepositoryName } from './origins.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { listByApi, tooManyReferrers, type ApiListOptions } from './referrers-api.ts'
import { artifactTypeOf, fallbackTag } from './referrers-index.ts'
import type { MayHaveTag } from './tag-survey.ts'

/** What is listed, and how much of it at most. */
export interface ReferrersOptions extends ApiListOptions {
  /** Only referrers of this type, by what their manifests say. */
  readonly artifactType?: string | undefined
  /** Whether a manifest is pulled, by what the list says of it, which may be wrong; by default all are. */
  readonly isWanted?: ((listed: Descriptor) => boolean) | undefined
  /** Whether a manifest that cannot be read counts as refused; by default its error is thrown. */
  readonly refusesUnreadable?: boolean | undefined
  /** What the manifests are counted against. */
  readonly allowance?: ByteAllowance | undefined
  /** Whether the fallback tag is looked at where the API lists nothing; by default it is. */
  readonly mayHaveTag?: MayHaveTag | undefined
}

/** A manifest that names another one as its subject. */
export interface Referrer {
  /** Digest and size are those of the bytes, artifact type and annotations those of the manifest. */
  readonly descriptor: Descriptor
  readonly pulled: PulledManifest
}

/** A listed manifest that is no referrer of what was asked for, or is not there. */
export interface RefusedReferrer {
  readonly digest: string
  readonly error: ChanceryError
}

/** What refers to a manifest. */
export interface Referrers {
  /** Where the list came from: the API, the fallback tag, or neither had one. */
  readonly source: 'api' | 'tag' | 'none'
  /** In the order of the registry. */
  readonly referrers: readonly Referrer[]
  readonly refused: readonly RefusedReferrer[]
  /** How many were listed and not wanted. */
  readonly passedOver: number
}

/** Which referrers are looked at, how strictly, and how much of them. */
export type ReferrerSelection = Pick<
  ReferrersOptions,
  'allowance' | 'isWanted' | 'refusesUnreadable'
>

/** A list as the registry gives it, before its entries are looked at. */
export interface ListedReferrers {
  readonly source: Referrers['source']
  readonly descriptors: readonly Descriptor[]
  /** What the fallback tag held, if it was looked at. */
  readonly seen: SeenTag | undefined
}

/** What a tag held a moment ago; undefined if there was none. */
export interface SeenTag {
  readonly found: PulledManifest | undefined
}

const PULLS_AT_ONCE = 8
const UNREADABLE: readonly ErrorCode[] = [
  'ERR_REGISTRY_CONTENT',
  'ERR_REGISTRY_DIGEST',
  'ERR_REGISTRY_TOO_LARGE',
]

/** Whether something is wrong with what was read itself, not with the way to it. */
export function isUnreadable(error: unknown): error is ChanceryError {
  return error instanceof ChanceryError && UNREADABLE.includes(error.code)
}

/**
 * Finds what refers to a manifest: signatures, attestations and others. The referrers API is asked, all its pages; where
 * there is none (404, 400), or it knows nothing, the fallback tag `sha256-<hex>`.
 *
 * Each manifest is pulled and counts only if its own `subject` is the digest asked for: GitLab, for one, answers the
 * fallback tag with the subject itself, and what a list says of an artifact's type is often wrong. For that reason the
 * registry is not asked to filter by type either.
 *
 * @param digest `sha256:<hex>`.
 * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if there are more than may be; ERR_REGISTRY_ATTACHED_SIZE if their manifests
 * together are more than the allowance has left: before any is pulled if the list says so, else in the middle.
 * @throws ChanceryError ERR_REGISTRY_CONTENT if the fallback tag holds something else.
 * @throws ChanceryError ERR_REGISTRY_* for any other answer than a list or "there is no such thing": a registry that
 * refuses or is overloaded never means that there are none.
 * Source: OCI distribution-spec 1.1, "Listing Referrers", "Unavailable Referrers API".
 */
export async function findReferrers(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  options: ReferrersOptions = {},
): Promise<Referrers> {
  const { source, descriptors } = await listReferrers(client, repository, digest, options)
  const { isWanted = () => true } = options
  const wanted = descriptors.filter(isWanted)
  options.allowance?.requireRoom(wanted.reduce((sum, { size }) => sum + size, 0))
  const outcomes = await inParallel(wanted, PULLS_AT_ONCE, (one) =>
    pullReferrer(client, repository, digest, one, options),
  )
  const referrers = outcomes.filter((one) => 'pulled' in one)
  const refused = outcomes.filter((one) => 'error' in one)
  const { artifactType } = options
  return {
    source,
    referrers: referrers.filter(
      ({ descriptor }) => artifactType === undefined || descriptor.artifactType === artifactType,
    ),
    refused,
    passedOver: descriptors.length - wanted.length,
  }
}

/** Like {@link findReferrers}, without looking at the entries: what a list says about them is untrusted. */
export async function listReferrers(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  options: ReferrersOptions = {},
): Promise<ListedReferrers> {
  const maxReferrers = options.maxReferrers ?? client.maxReferrers
  const listed = await listByApi(client, repository, digest, { ...options, maxReferrers })
  if (listed !== undefined && listed.length > 0) {
    return { source: 'api', descriptors: listed, seen: undefined }
  }
  // A registry that got the API later may know nothing of what was listed under the tag before.
  if (options.mayHaveTag?.(fallbackTag(digest)) === false) {
    return { source: listed === undefined ? 'none' : 'api', descriptors: [], seen: undefined }
  }
  const found = await findListUnderTag(client, repository, digest, options.signal)
  const seen = { found }
  if (found?.manifest.kind !== 'index') {
    return { source: listed === undefined ? 'none' : 'api', descriptors: [], seen }
  }
  const { manifests } = found.manifest
  if (manifests.length > maxReferrers) throw tooManyReferrers(repository, digest, maxReferrers)
  return { source: 'tag', descriptors: manifests, seen }
}

async function findListUnderTag(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<PulledManifest | undefined> {
  const found = await client.findManifest(repository, fallbackTag(digest), signal)
  // GitLab takes the tag for the digest and answers the subject itself.
  if (found === undefined || found.digest === digest) return undefined
  if (found.manifest.kind === 'index') return found
  throw badContent(
    `${repository.registry}/${repository.repository}`,
    `expected the tag ${fallbackTag(digest)} to hold an index of referrers, found an image`,
  )
}

async function pullReferrer(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  { digest: referrerDigest }: Descriptor,
  { allowance, refusesUnreadable, signal }: ReferrersOptions,
): Promise<Referrer | RefusedReferrer> {
  let pulled: PulledManifest | undefined
  try {
    pulled = await client.findManifest(repository, referrerDigest, signal, allowance)
  } catch (error) {
    if (refusesUnreadable !== true || !isUnreadable(error)) throw error
    return { digest: referrerDigest, error }
  }
  const named = pulled?.manifest.subject?.digest
  if (pulled !== undefined && named === digest) return referrerOf(pulled)
  const found =
    pulled === undefined
      ? 'but the registry does not have it'
      : `but its subject is ${named ?? 'nothing'}`
  const message = `${referrerDigest} is listed as a referrer of ${digest}, ${found}`
  return { digest: referrerDigest, error: new ChanceryError('ERR_REGISTRY_REFERRER', message) }
}

/** A manifest that has a subject, described by what it says itself. */
export function referrerOf(pulled: PulledManifest): Referrer {
  const { mediaType, digest, bytes, manifest } = pulled
  const artifactType = artifactTypeOf(manifest)
  const descriptor = {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  }
  return { descriptor, pulled }
}
