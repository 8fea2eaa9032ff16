import { ChanceryError } from '../errors/chancery-error.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { badAnswer } from './answers.ts'
import { ApiAbsence } from './api-absence.ts'
import type { RepositoryName } from './origins.ts'
import { MAX_LISTED_REFERRERS, type MissingReferrers } from './referrers-page.ts'
import type { RegistryClient } from './registry-client.ts'

/** How the referrers API is asked. */
export interface ApiListOptions {
  /** More is an error, not cut off; by default what the client says. */
  readonly maxReferrers?: number | undefined
  /** Asks the API even if it was absent a moment ago. */
  readonly isApiKnown?: boolean
  readonly signal?: AbortSignal | undefined
}

/** At least ten referrers a page, where there are more than a few pages. */
const MIN_PAGES = 100
const PAGE_LENGTH = 10
const MAX_TOTAL_BYTES = 32 * 1024 * 1024

/** Where the API is absent, for each client. */
const ABSENCES = new WeakMap<RegistryClient, ApiAbsence>()

/**
 * What the referrers API lists, each digest once; undefined if the registry has no such API, or had none before, or does
 * not list this manifest. {@link ApiAbsence} says when it is not asked again.
 *
 * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if there are more than may be.
 * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if its pages go round in a circle; besides, what
 * `RegistryClient.findReferrersPage` throws.
 */
export async function listByApi(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  options: ApiListOptions = {},
): Promise<readonly Descriptor[] | undefined> {
  const absence = ABSENCES.get(client) ?? new ApiAbsence()
  ABSENCES.set(client, absence)
  const ask = async () => {
    const listed = await listAllPages(client, repository, digest, options)
    return 'missing' in listed ? listed : { listed }
  }
  const answer =
    options.isApiKnown === true
      ? await absence.learnFrom(repository, digest, ask)
      : await absence.askUnlessAbsent(repository, digest, ask)
  return answer !== undefined && 'listed' in answer ? answer.listed : undefined
}

async function listAllPages(
  client: RegistryClient,
  repository: RepositoryName,
  digest: string,
  options: ApiListOptions,
): Promise<readonly Descriptor[] | MissingReferrers> {
  const { maxReferrers = client.maxReferrers, signal } = options
  const maxPages = Math.max(MIN_PAGES, maxReferrers / PAGE_LENGTH)
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
    if (byDigest.size > maxReferrers || queries.size > maxPages || size > MAX_TOTAL_BYTES) {
      throw tooManyReferrers(repository, digest, maxReferrers)
    }
    query = page.next
  }
  return [...byDigest.values()]
}

/** The error for more referrers than may be. */
export function tooManyReferrers(
  repository: RepositoryName,
  digest: string,
  maxReferrers: number,
): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_TOO_LARGE',
    `expected at most ${maxReferrers} referrers of ${digest} at ${repository.registry}, found more`,
    {
      hints: [
        `Say --max-referrers N, at most ${MAX_LISTED_REFERRERS}, to look at more; what is not looked at counts for nothing.`,
        'Or remove those that are no longer needed: `chancery tree` shows them, `chancery clean` removes them, both with --max-referrers.',
      ],
    },
  )
}
