import { ChanceryError } from '../errors/chancery-error.ts'
import { isSha256Digest } from '../format/oci-digest.ts'
import {
  MANIFEST_MEDIA_TYPES,
  parseManifest,
  OCI_IMAGE_INDEX,
  type ImageIndex,
  type ImageManifest,
} from '../format/oci-manifest.ts'
import { badAnswer, badContent, errorOfAnswer } from './answers.ts'
import { DEFAULT_ATTACHED_BYTES, type ByteAllowance } from './byte-allowance.ts'
import type { FindCredentials } from './credentials.ts'
import { HostMemory } from './host-abilities.ts'
import type { Answer } from './http-transport.ts'
import type { MirrorReads } from './mirror-reads.ts'
import type { RepositoryName } from './origins.ts'
import { digestOf, requireDigest } from './received-bytes.ts'
import {
  MAX_LISTED_REFERRERS,
  MAX_PAGE_BYTES,
  readMissingReferrers,
  readReferrersPage,
  type MissingReferrers,
  type ReferrersPage,
} from './referrers-page.ts'
import { RegistryBlobs, type BlobOptions } from './registry-blobs.ts'
import { RegistryConnection, type RegistryConnectionOptions } from './registry-connection.ts'
import { MAX_LISTED_TAGS, readTagList } from './tag-survey.ts'

/** The most bytes of a manifest that are read. Source: distribution-spec, "Pushing Manifests" (4 MiB). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
const MAX_SMALL_ANSWER_BYTES = 64 * 1024
const MAX_TAG_LIST_BYTES = 512 * 1024
const DEFAULT_MAX_REFERRERS = 1000
/** The fallback tag of referrers, which may list more than an image. */
const LIST_OF_REFERRERS = /^sha(?:256|512)-[0-9a-f]+$/
/** Tags of signatures, attestations and lists of referrers. */
const BELONGINGS = /^sha(?:256|512)-/

/** A manifest as the registry holds it; its bytes hash to `digest`. */
export interface PulledManifest {
  /** `sha256:<hex>`, computed here from the bytes. */
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly manifest: ImageManifest | ImageIndex
  /** What `If-Match` wants to see, where the registry gives one. */
  readonly etag: string | undefined
}

/** A manifest that was stored. */
export interface StoredManifest {
  readonly digest: string
  /** What the registry says it recognised as the manifest's subject (`OCI-Subject`). */
  readonly subjectDigest: string | undefined
}

/** What a manifest replaces; a registry that honours neither ignores both. Source: RFC 9110, section 13.1. */
export interface PushCondition {
  /** The ETag of the manifest that is replaced. */
  readonly ifMatch?: string | undefined
  /** `*` if there must be none yet. */
  readonly ifNoneMatch?: '*' | undefined
  /** False if a push whose answer was lost is not to be repeated; by default it is. */
  readonly isRepeatable?: boolean
  readonly signal?: AbortSignal | undefined
}

/** How a {@link RegistryClient} reaches registries. */
export interface RegistryClientOptions extends Omit<RegistryConnectionOptions, 'findCredentials'> {
  /** By default nobody: every registry is spoken to anonymously. */
  readonly findCredentials?: FindCredentials
  /** Where repositories are read instead; by default each is read where its name says. What is written ignores it. */
  readonly mirrors?: MirrorReads<RegistryClient> | undefined
  readonly blobs?: BlobOptions
  /** The most referrers of one manifest that are looked at, 1 to 10,000; more is an error. 1,000 by default. */
  readonly maxReferrers?: number | undefined
  /** How many bytes are read of what belongs to one image; more is an error. 64 MiB by default. */
  readonly maxAttachedBytes?: number | undefined
}

/**
 * A client of the OCI distribution protocol. One instance serves any number of registries, concurrently.
 *
 * Every method may throw what its transport and authentication do: ERR_REGISTRY_UNAUTHORIZED, _FORBIDDEN, _UNAVAILABLE
 * (after repeating), _BAD_ANSWER, _TOO_LARGE, _REDIRECT, _NO_TLS, _CERTIFICATE, _CREDENTIALS, _REFUSED.
 *
 * Source: OCI distribution-spec 1.1.
 */
export class RegistryClient implements Disposable {
  /** The blobs of repositories. */
  readonly blobs: RegistryBlobs
  /** What registries have shown that they cannot do. */
  readonly hosts = new HostMemory()
  /** The most referrers of one manifest that are looked at; more is an error. */
  readonly maxReferrers: number
  /** How many bytes are read of what belongs to one image; more is an error. */
  readonly maxAttachedBytes: number
  readonly #connection: RegistryConnection
  readonly #mirrors: MirrorReads<RegistryClient> | undefined

  constructor(options: RegistryClientOptions = {}) {
    this.#connection = new RegistryConnection({ findCredentials: () => undefined, ...options })
    this.#mirrors = options.mirrors
    this.maxReferrers = options.maxReferrers ?? DEFAULT_MAX_REFERRERS
    this.maxAttachedBytes = options.maxAttachedBytes ?? DEFAULT_ATTACHED_BYTES
    this.blobs = new RegistryBlobs(this.#connection, this.hosts, options.mirrors, options.blobs)
  }

  /**
   * Pulls a manifest by tag or digest; undefined only if the registry says that there is none.
   *
   * @param allowance What its bytes are counted against while they come.
   * @throws ChanceryError ERR_REGISTRY_ATTACHED_SIZE if they are more than the allowance has left.
   * @throws ChanceryError ERR_REGISTRY_DIGEST if the bytes are not those of the digest asked for, or of the one the
   * registry announces.
   * @throws ChanceryError ERR_REGISTRY_CONTENT if they are not a manifest of the media type they came with;
   * ERR_REGISTRY_BAD_ANSWER if it is not even clear that they are what the registry holds: a web page of a gateway.
   */
  async findManifest(
    repository: RepositoryName,
    reference: string,
    signal?: AbortSignal,
    allowance?: ByteAllowance,
  ): Promise<PulledManifest | undefined> {
    const kind = isSha256Digest(reference)
      ? 'digest'
      : BELONGINGS.test(reference)
        ? 'belongings'
        : 'image-tag'
    const elsewhere = await this.#mirrors?.read(repository, kind, signal, (client, place) =>
      client.findManifest(place, reference, signal),
    )
    if (elsewhere !== undefined) {
      // Only what was the right manifest: what a mirror has wrong uses nothing up.
      allowance?.take(elsewhere.value?.bytes.length ?? 0)
      return elsewhere.value
    }
    const answer = await this.#connection.request(repository, 'pull', {
      method: 'GET',
      path: `manifests/${reference}`,
      headers: { accept: MANIFEST_MEDIA_TYPES.join(', ') },
      maxBodyBytes: LIST_OF_REFERRERS.test(reference) ? MAX_PAGE_BYTES : MAX_MANIFEST_BYTES,
      allowance,
      mayRedirect: true,
      signal,
    })
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw errorOfAnswer(repository, answer)
    return readManifest(repository, reference, answer)
  }

  /** Like {@link findManifest}. @throws ChanceryError ERR_REGISTRY_NOT_FOUND if there is none. */
  async getManifest(
    repository: RepositoryName,
    reference: string,
    signal?: AbortSignal,
  ): Promise<PulledManifest> {
    const found = await this.findManifest(repository, reference, signal)
    if (found !== undefined) return found
    const separator = isSha256Digest(reference) ? '@' : ':'
    throw new ChanceryError(
      'ERR_REGISTRY_NOT_FOUND',
      `there is no ${repository.registry}/${repository.repository}${separator}${reference}`,
      {
        hints: [
          'Check the name and the tag. Some registries say so, too, where a login is missing.',
        ],
      },
    )
  }

  /**
   * Stores a manifest under a tag or its digest.
   *
   * @returns Its digest, computed here.
   * @throws ChanceryError ERR_REGISTRY_PRECONDITION if the registry saw that the condition does not hold.
   * @throws ChanceryError ERR_REGISTRY_DIGEST if the registry says it stored other bytes.
   */
  async pushManifest(
    repository: RepositoryName,
    reference: string,
    manifest: { readonly mediaType: string; readonly bytes: Uint8Array },
    condition: PushCondition = {},
  ): Promise<string> {
    return (await this.storeManifest(repository, reference, manifest, condition)).digest
  }

  /** Like {@link pushManifest}, and tells what the registry made of the manifest's subject. */
  async storeManifest(
    repository: RepositoryName,
    reference: string,
    manifest: { readonly mediaType: string; readonly bytes: Uint8Array },
    condition: PushCondition = {},
  ): Promise<StoredManifest> {
    const { ifMatch, ifNoneMatch, isRepeatable = true, signal } = condition
    const answer = await this.#connection.request(repository, 'push', {
      method: 'PUT',
      path: `manifests/${reference}`,
      headers: {
        'content-type': manifest.mediaType,
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
      },
      body: manifest.bytes,
      maxBodyBytes: MAX_SMALL_ANSWER_BYTES,
      isRepeatable,
      signal,
    })
    if (answer.status !== 201) throw errorOfAnswer(repository, answer)
    const digest = digestOf(manifest.bytes)
    requireAnnounced(repository, answer, digest)
    const subject = answer.headers['oci-subject']
    return { digest, subjectDigest: typeof subject === 'string' ? subject : undefined }
  }

  /**
   * Removes a manifest, or a tag. Source: distribution-spec, "Deleting tags", "Deleting Manifests".
   *
   * @returns False if there was none.
   * @throws ChanceryError ERR_REGISTRY_NO_DELETE if the registry removes nothing, or no tags.
   */
  async deleteManifest(
    repository: RepositoryName,
    reference: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const answer = await this.#connection.request(repository, 'delete', {
      method: 'DELETE',
      path: `manifests/${reference}`,
      maxBodyBytes: MAX_SMALL_ANSWER_BYTES,
      signal,
    })
    if (answer.status === 404) return false
    if (answer.status === 400 || answer.status === 405) {
      throw new ChanceryError(
        'ERR_REGISTRY_NO_DELETE',
        `${repository.registry} answered ${answer.status} to the removal of ${reference}`,
        { hints: ['Deletion may be turned off in the registry, or be possible by digest only.'] },
      )
    }
    if (answer.status !== 202 && answer.status !== 200) throw errorOfAnswer(repository, answer)
    return true
  }

  /**
   * One page of the referrers API. Source: distribution-spec, "Listing Referrers".
   *
   * @param digest `sha256:<hex>` of the manifest that is referred to.
   * @param query Of the page, as the page before gave it.
   * @returns Why there is none, where the registry answers 404 or 400.
   * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if it is no index, or points to another place for the next page.
   */
  async findReferrersPage(
    repository: RepositoryName,
    digest: string,
    query: string,
    signal?: AbortSignal,
  ): Promise<ReferrersPage | MissingReferrers> {
    const elsewhere = await this.#mirrors?.read(repository, 'belongings', signal, (client, place) =>
      client.findReferrersPage(place, digest, query, signal),
    )
    if (elsewhere?.value !== undefined) return elsewhere.value
    const answer = await this.#connection.request(repository, 'pull', {
      method: 'GET',
      path: `referrers/${digest}${query === '' ? '' : `?${query}`}`,
      headers: { accept: OCI_IMAGE_INDEX },
      maxBodyBytes: MAX_PAGE_BYTES,
      signal,
    })
    if (answer.status === 404 || answer.status === 400) return readMissingReferrers(answer)
    if (answer.status !== 200) throw errorOfAnswer(repository, answer)
    return readReferrersPage(repository, answer)
  }

  /**
   * The tags of a repository; undefined if the registry does not list them, or not in one small answer.
   *
   * @throws ChanceryError ERR_FORMAT_JSON if the answer is no list; ERR_REGISTRY_TOO_LARGE if it is longer than 512 KiB.
   * Source: distribution-spec, "Listing Tags".
   */
  async findTags(
    repository: RepositoryName,
    signal?: AbortSignal,
  ): Promise<ReadonlySet<string> | undefined> {
    const elsewhere = await this.#mirrors?.read(repository, 'belongings', signal, (client, place) =>
      client.findTags(place, signal),
    )
    if (elsewhere !== undefined) return elsewhere.value
    const answer = await this.#connection.request(repository, 'pull', {
      method: 'GET',
      path: `tags/list?n=${MAX_LISTED_TAGS}`,
      headers: { accept: 'application/json' },
      maxBodyBytes: MAX_TAG_LIST_BYTES,
      signal,
    })
    return answer.status === 200 ? readTagList(answer) : undefined
  }

  /** Closes the connections that are kept for reuse. */
  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
    this.#mirrors?.[Symbol.dispose]()
  }
}

function readManifest(
  repository: RepositoryName,
  reference: string,
  answer: Answer,
): PulledManifest {
  const bytes = answer.body
  const digest = digestOf(bytes)
  if (reference.startsWith('sha256:')) requireDigest(repository, bytes, reference)
  requireAnnounced(repository, answer, digest)
  const mediaType = (answer.headers['content-type'] ?? '').split(';')[0]?.trim() ?? ''
  try {
    const maxListed = LIST_OF_REFERRERS.test(reference) ? MAX_LISTED_REFERRERS : undefined
    const manifest = parseManifest(bytes, mediaType, maxListed)
    return { digest, mediaType, bytes, manifest, etag: answer.headers.etag }
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    const reason = `${reference} is not a manifest: ${cause.message}`
    // A gateway answers with pages of its own, but not with these bytes, nor of these types.
    const isHeld =
      reference.startsWith('sha256:') ||
      (MANIFEST_MEDIA_TYPES as readonly string[]).includes(mediaType) ||
      answer.headers['docker-content-digest'] === digest
    if (!isHeld) throw badAnswer(repository, reason, cause)
    throw badContent(`${repository.registry}/${repository.repository}`, reason, cause)
  }
}

function requireAnnounced(repository: RepositoryName, answer: Answer, digest: string): void {
  const announced = answer.headers['docker-content-digest']
  // A registry may keep its books with another algorithm; then there is nothing to compare.
  if (typeof announced !== 'string' || !announced.startsWith('sha256:')) return
  if (announced === digest) return
  throw new ChanceryError(
    'ERR_REGISTRY_DIGEST',
    `${repository.registry} announces ${announced.slice(0, 80)} for bytes whose digest is ${digest}`,
    { hints: ['The registry, or something before it, is broken or not to be trusted.'] },
  )
}
