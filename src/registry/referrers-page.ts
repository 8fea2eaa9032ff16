import { ChanceryError } from '../errors/chancery-error.ts'
import { OCI_IMAGE_INDEX, parseManifest, type Descriptor } from '../format/oci-manifest.ts'
import { badAnswer, badContent, firstErrorOf } from './answers.ts'
import type { Answer } from './http-transport.ts'
import { linksWith } from './link-header.ts'
import type { RepositoryName } from './origins.ts'

/** One page of what the referrers API lists. */
export interface ReferrersPage {
  readonly descriptors: readonly Descriptor[]
  /** Length of the answer in bytes. */
  readonly size: number
  /** The query of the next page, without `?`; undefined on the last one. */
  readonly next: string | undefined
}

/** What is not there: the API, or its list of one manifest only; or it is not clear who says so of what. */
export interface MissingReferrers {
  readonly missing: 'api' | 'list' | 'unclear'
}

/** The most referrers of one manifest that anybody may ask to be listed. */
export const MAX_LISTED_REFERRERS = 10_000
/** The most bytes of one page, or of the list under a fallback tag. */
export const MAX_PAGE_BYTES = 10 * 1024 * 1024

const MAX_LINK_LENGTH = 4096

/**
 * Reads an answer of the referrers API.
 *
 * @throws ChanceryError ERR_REGISTRY_CONTENT if it is an OCI image index, and malformed.
 * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if it is no OCI image index, or if its next page is not another one of
 * the same list at the same host, or cannot be told.
 */
export function readReferrersPage(repository: RepositoryName, answer: Answer): ReferrersPage {
  const mediaType = (answer.headers['content-type'] ?? '').split(';')[0]?.trim()
  if (mediaType !== OCI_IMAGE_INDEX) {
    throw badAnswer(repository, `expected the referrers as ${OCI_IMAGE_INDEX}`)
  }
  const next = nextQuery(repository, answer)
  try {
    const index = parseManifest(answer.body, mediaType, MAX_LISTED_REFERRERS)
    const descriptors = index.kind === 'index' ? index.manifests : []
    return { descriptors, size: answer.body.length, next }
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    // Annotations of those who push are in it.
    const place = `${repository.registry}/${repository.repository}`
    throw badContent(place, `the list of referrers is malformed: ${cause.message}`, cause)
  }
}

/**
 * What a 404 or 400 is about. One that names an error of its own, MANIFEST_UNKNOWN for example, has understood the
 * question, against the specification; it may answer another one. One that names none is the registry's only if it says
 * so: a gateway answers with pages of its own.
 *
 * Source: distribution-spec, "Error Codes"; Docker Registry HTTP API V2, "API Version Check", for the header.
 */
export function readMissingReferrers({ body, headers }: Answer): MissingReferrers {
  const { code } = firstErrorOf(body)
  if (code === 'UNSUPPORTED') return { missing: 'api' }
  if (code !== undefined) return { missing: 'list' }
  return { missing: headers['docker-distribution-api-version'] === undefined ? 'unclear' : 'api' }
}

/** The query of `Link: <url>; rel="next"`. Source: RFC 8288; distribution-spec, "Listing Referrers". */
function nextQuery(repository: RepositoryName, answer: Answer): string | undefined {
  // Node joins repeated Link headers with a comma.
  const links = String(answer.headers['link'] ?? '')
  if (links.length > MAX_LINK_LENGTH) {
    throw badAnswer(repository, `expected at most ${MAX_LINK_LENGTH} characters of links`)
  }
  const [address, ...others] = new Set(linksWith(links, 'next') ?? ['', ''])
  if (address === undefined) return undefined
  if (address === '' || others.length > 0) {
    throw badAnswer(
      repository,
      'expected at most one next page of the referrers, in a well-formed Link',
    )
  }
  // untrusted: the address comes from the registry; credentials follow it, so it may change nothing but the query.
  const target = URL.canParse(address, answer.url.href)
    ? new URL(address, answer.url.href)
    : undefined
  const isSamePlace =
    target?.origin === answer.url.origin &&
    target.pathname === answer.url.pathname &&
    target.username === '' &&
    target.password === ''
  if (!isSamePlace) {
    throw badAnswer(repository, 'the next page of the referrers is at another place')
  }
  return target.search.slice(1)
}
