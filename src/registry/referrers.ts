import { ChanceryError } from '../errors/chancery-error.ts'
import type { ErrorCode } from '../errors/codes.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { referenceContext } from '../format/oci-reference.ts'
import { badAnswer } from './answers.ts'
import { inParallel } from './in-parallel.ts'
import type { RepositoryName } from './origins.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { artifactTypeOf, fallbackTag } from './referrers-index.ts'
import type { MissingReferrers } from './referrers-page.ts'

/** What is listed, and how much of it at most. */
export interface ReferrersOptions {
  /** Only referrers of this type, by what their manifests say. */
  readonly artifactType?: string | undefined
  /** Whether a manifest is pulled, by what the list says of it, which may be wrong; by default all are. */
  readonly isWanted?: ((listed: Descriptor) => boolean) | undefined
  /** Whether a manifest that cannot be read counts as refused; by default its error is thrown. */
  readonly refusesUnreadable?: boolean | undefined
  /** More is an error, not cut off; 1,000 by default. */
  readonly maxReferrers?: number | undefined
  /** Asks the API even if it was absent a moment ago. */
  readonly isApiKnown?: boolean
  readonly signal?: AbortSignal | undefined
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

/** Which referrers are looked at, and how strictly. */
export type ReferrerSelection = Pick<ReferrersOptions, 'isWanted' | 'refusesUnreadable'>

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

const DEFAULT_MAX_REFERRERS = 1000
const MAX_PAGES = 100
const MAX_TOTAL_BYTES = 32 * 1024 * 1024
const PULLS_AT_ONCE = 8
/** What is wrong with a manifest itself, not with the way to it. */
const UNREADABLE: readonly ErrorCode[] = [
  'ERR_REGISTRY_BAD_ANSWER',
  'ERR_REGISTRY_DIGEST',
  'ERR_REGISTRY_TOO_LARGE',
]

/**
 * Finds what refers to a manifest: signatures, attestations and others. The referrers API is asked, all its pages; where
 * there is none (404, 400), or it knows nothing, the fallback tag `sha256-<hex>`.
 *
 * Each manifest is pulled and counts only if its own `subject` is the digest asked for: GitLab, for one, answers the
 * fallback tag with the subject itself, and what a list says of an artifact's type is often wrong. For that reason the
 * registry is not asked to filter by type either.
 *
 * @param digest `sha256:<hex>`.
 * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if there are more than may be.
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
  const maxReferrers = options.maxReferrers ?? DEFAULT_MAX_REFERRERS
  const listed = await listByApi(client, repository, digest, { ...options, maxReferrers })
  if (listed !== undefined && listed.length > 0) {
    return { source: 'api', descriptors: listed, seen: undefined }
  }
  // A registry that got the API later may know nothing of what was listed under the tag before.
  const found = await findListUnderTag(client, repository, digest, options.signal)
  const seen = { found }
  if (found?.manifest.kind !== 'index') {
    return { source: listed === undefined ? 'none' : 'api', descriptors: [], seen }
  }
  const { manifests } = found.manifest
  if (manifests.length > maxReferrers) throw tooMany(repository, digest, maxReferrers)
  return { source: 'tag', descriptors: manifests, seen }
}

/** Whether repositories have a referrers API, as the first answer said: where there is none, nobody asks again. */
const HAVE_API = new WeakMap<RegistryClient, Map<string, Promise<boolean>>>()

/**
 * What the referrers API lists, each digest once; undefined if the registry has no such API, or had none before, or does
 * not list this manifest.
 *
 * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if its pages go round in a circle; besides, as {@link findReferrers}.
 */
export async function listByApi(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  options: ReferrersOptions = {},
): Promise<readonly Descriptor[] | undefined> {
  const known = HAVE_API.get(client) ?? new Map<string, Promise<boolean>>()
  HAVE_API.set(client, known)
  const name = referenceContext(repository)
  const hasApi = known.get(name)
  if (hasApi !== undefined) {
    if (options.isApiKnown !== true && !(await hasApi)) return undefined
    const again = await listAllPages(client, repository, digest, options)
    return 'missing' in again ? undefined : again
  }
  const { promise, resolve } = Promise.withResolvers<boolean>()
  known.set(name, promise)
  // Until an answer says so, there is one to be asked.
  let isAbsent = false
  try {
    const listed = await listAllPages(client, repository, digest, options)
    if (!('missing' in listed)) return listed
    isAbsent = listed.missing === 'api'
    if (!isAbsent) known.delete(name)
    return undefined
  } catch (error) {
    known.delete(name)
    throw error
  } finally {
    resolve(!isAbsent)
  }
}

async function listAllPages(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  options: ReferrersOptions,
): Promise<readonly Descriptor[] | MissingReferrers> {
  const { maxReferrers = DEFAULT_MAX_REFERRERS, signal } = options
  const byDigest = new Map<string, Descriptor>()
  const queries = new Set<string>()
  let size = 0
  for (let query: string | undefined = ''; query !== undefined;) {
    if (queries.has(query)) throw badAnswer(repository, 'the pages of the referrers repeat')
    queries.add(query)
    const page = await client.findReferrersPage(repository, digest, query, signal)
    if ('missing' in page) {
      if (queries.size === 1) return page
      throw badAnswer(repository, 'a page of the referrers is missing')
    }
    size += page.size
    for (const descriptor of page.descriptors) byDigest.set(descriptor.digest, descriptor)
    if (byDigest.size > maxReferrers || queries.size > MAX_PAGES || size > MAX_TOTAL_BYTES) {
      throw tooMany(repository, digest, maxReferrers)
    }
    query = page.next
  }
  return [...byDigest.values()]
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
  throw new ChanceryError(
    'ERR_REGISTRY_SIGNATURES',
    `expected the tag ${fallbackTag(digest)} to hold an index of referrers, found an image`,
    { hints: ['Somebody else uses this tag; move what it holds elsewhere.'] },
  )
}

async function pullReferrer(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  { digest: referrerDigest }: Descriptor,
  { refusesUnreadable, signal }: ReferrersOptions,
): Promise<Referrer | RefusedReferrer> {
  let pulled: PulledManifest | undefined
  try {
    pulled = await client.findManifest(repository, referrerDigest, signal)
  } catch (error) {
    const isUnreadable = error instanceof ChanceryError && UNREADABLE.includes(error.code)
    if (refusesUnreadable !== true || !isUnreadable) throw error
    return { digest: referrerDigest, error }
  }
  const named = pulled?.manifest.subject?.digest
  if (pulled !== undefined && named === digest) return { descriptor: describe(pulled), pulled }
  const found =
    pulled === undefined
      ? 'but the registry does not have it'
      : `but its subject is ${named ?? 'nothing'}`
  const message = `${referrerDigest} is listed as a referrer of ${digest}, ${found}`
  return { digest: referrerDigest, error: new ChanceryError('ERR_REGISTRY_REFERRER', message) }
}

function describe(pulled: PulledManifest): Descriptor {
  const { mediaType, digest, bytes, manifest } = pulled
  const artifactType = artifactTypeOf(manifest)
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  }
}

function tooMany(repository: RepositoryName, digest: string, maxReferrers: number): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_TOO_LARGE',
    `expected at most ${maxReferrers} referrers of ${digest} at ${repository.registry}, found more`,
    { hints: ['Remove those that are no longer needed, for example with `chancery clean`.'] },
  )
}
