import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import type { Answer } from './http-transport.ts'
import type { RepositoryName } from './origins.ts'
import type { RegistryClient } from './registry-client.ts'

/** A repository with as many tags, or more, is not listed: what it would spare is less than what it costs. */
export const MAX_LISTED_TAGS = 1000

/**
 * Whether a repository may have a tag, as far as one request can tell: false only if a whole list of its tags lacks it.
 *
 * Lists of tags are kept in caches, and limited in silence, so that false decides in which order something is asked, and
 * never that a tag is absent: before a tag is written, and before an image counts as unsigned, the tag itself is read.
 */
export type MayHaveTag = (tag: string) => boolean

/** Nothing is known. */
export const mayHaveAnyTag: MayHaveTag = () => true

/** Lists the tags of a repository, if it has few. Never fails: a registry that does not list them is asked for each. */
export async function surveyTags(
  client: RegistryClient,
  repository: RepositoryName,
  signal?: AbortSignal,
): Promise<MayHaveTag> {
  try {
    const tags = await client.findTags(repository, signal)
    return tags === undefined ? mayHaveAnyTag : (tag) => tags.has(tag)
  } catch (error) {
    if (error instanceof ChanceryError) return mayHaveAnyTag
    throw error
  }
}

/**
 * The tags of an answer; undefined if it is not the whole list.
 *
 * @throws ChanceryError ERR_FORMAT_JSON if it is not JSON.
 * Source: distribution-spec, "Listing Tags".
 */
export function readTagList({ headers, body }: Answer): ReadonlySet<string> | undefined {
  if (headers['link'] !== undefined) return undefined
  const { tags } = (parseJson(body) ?? {}) as { readonly tags?: unknown }
  // A repository without tags has null there.
  if (tags === null) return new Set()
  if (!Array.isArray(tags) || tags.length >= MAX_LISTED_TAGS) return undefined
  return new Set(tags.filter((tag) => typeof tag === 'string'))
}
