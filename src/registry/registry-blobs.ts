import { Readable } from 'node:stream'
import { ChanceryError } from '../errors/chancery-error.ts'
import { isSha256Digest } from '../format/oci-digest.ts'
import { referenceContext } from '../format/oci-reference.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { badAnswer, errorOfAnswer } from './answers.ts'
import { verifiedChunks } from './blob-stream.ts'
import { uploadInChunks } from './chunked-upload.ts'
import { DoneLately } from './done-lately.ts'
import type { HostMemory } from './host-abilities.ts'
import type { Answer, StreamedBody } from './http-transport.ts'
import type { MirrorReads } from './mirror-reads.ts'
import type { RepositoryName } from './origins.ts'
import { digestOf, requireDigest } from './received-bytes.ts'
import type { RegistryConnection } from './registry-connection.ts'

const MAX_SMALL_ANSWER_BYTES = 64 * 1024
const DEFAULT_CHUNK_BYTES = 16 * 1024 * 1024
/** How often a large blob is begun, each time from its first byte. */
const MAX_LARGE_ATTEMPTS = 3
/** Of a mirror a blob is taken whole or not at all, so it has to fit into memory; a larger one is not asked of it. */
const MAX_MIRRORED_BYTES = 16 * 1024 * 1024

interface UploadedBlob {
  readonly digest: string
  readonly content: Uint8Array | (() => Promise<StreamedBody>)
}

interface LargeBlob {
  readonly digest: string
  readonly open: () => Promise<AsyncIterable<Uint8Array>>
  readonly signal: AbortSignal | undefined
}

/** How blobs are sent. */
export interface BlobOptions {
  /** A blob that is larger than two of these many bytes is sent in chunks of as many; 16 MiB by default. */
  readonly chunkBytes?: number | undefined
}

type BlobMirrors = MirrorReads<Disposable & { readonly blobs: RegistryBlobs }>

/**
 * The blobs of repositories: pulled, pushed, taken over from another repository. Every method may throw what
 * {@link RegistryClient} says of its own.
 *
 * Source: OCI distribution-spec 1.1, "Pulling blobs", "Pushing blobs".
 */
export class RegistryBlobs {
  readonly #connection: RegistryConnection
  readonly #mirrors: BlobMirrors | undefined
  readonly #hosts: HostMemory
  /** By {@link blobName}. */
  readonly #uploaded = new DoneLately()

  readonly #chunkBytes: number

  constructor(
    connection: RegistryConnection,
    hosts: HostMemory,
    mirrors: BlobMirrors | undefined,
    { chunkBytes = DEFAULT_CHUNK_BYTES }: BlobOptions = {},
  ) {
    this.#connection = connection
    this.#hosts = hosts
    this.#mirrors = mirrors
    this.#chunkBytes = chunkBytes
  }

  /**
   * Pulls a blob; the registry may redirect it to another host, which gets no credential.
   *
   * @param digest `sha256:<hex>`.
   * @throws ChanceryError ERR_REGISTRY_NOT_FOUND if there is none.
   * @throws ChanceryError ERR_REGISTRY_DIGEST if the bytes are not those of the digest.
   */
  async get(
    repository: RepositoryName,
    digest: string,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const elsewhere = await this.#mirrors?.read(repository, 'digest', signal, (client, place) =>
      client.blobs.get(place, digest, maxBytes, signal),
    )
    if (elsewhere?.value !== undefined) return elsewhere.value
    const answer = await this.#connection.request(repository, 'pull', {
      method: 'GET',
      path: `blobs/${digest}`,
      maxBodyBytes: maxBytes,
      mayRedirect: true,
      signal,
    })
    if (answer.status !== 200) throw errorOfAnswer(repository, answer)
    requireDigest(repository, answer.body, digest)
    return answer.body
  }

  /**
   * Makes sure that the repository has a blob: asks for it, and uploads it in one piece where it is missing. May be
   * repeated; repeats itself once where the connection breaks in the middle.
   *
   * @returns Its digest.
   */
  async push(repository: RepositoryName, bytes: Uint8Array, signal?: AbortSignal): Promise<string> {
    const digest = digestOf(bytes)
    await this.#pushPatiently(repository, digest, bytes, signal)
    return digest
  }

  /**
   * Like {@link push}, but does not ask first: for a small blob that is hardly there. It goes along with the first
   * request, and once more where the registry does not take it so. What was uploaded a moment ago is not sent again.
   *
   * Source: distribution-spec, "Pushing a blob monolithically", "Single POST".
   *
   * @returns Its digest.
   */
  async upload(
    repository: RepositoryName,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<string> {
    const digest = digestOf(bytes)
    await this.#uploaded.once(blobName(repository, digest), () =>
      this.#upload(repository, digest, bytes, signal),
    )
    return digest
  }

  /** Like {@link push}, for a blob that many share: what was there or was uploaded a moment ago is not asked for again. */
  async provide(
    repository: RepositoryName,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const digest = digestOf(bytes)
    await this.#uploaded.once(blobName(repository, digest), () =>
      this.#pushPatiently(repository, digest, bytes, signal),
    )
  }

  /** Has {@link upload} and {@link provide} send a blob, though it was sent a moment ago: the registry says that it is not there. */
  sendAgain(repository: RepositoryName, bytes: Uint8Array): void {
    this.#uploaded.forget(blobName(repository, digestOf(bytes)))
  }

  async #upload(
    repository: RepositoryName,
    digest: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const host = this.#hosts.of(repository)
    if (!host.takesSinglePost) return this.#pushPatiently(repository, digest, bytes, signal)
    try {
      const start = await this.#connection.request(repository, 'push', {
        method: 'POST',
        path: `blobs/uploads/?digest=${digest}`,
        headers: { 'content-type': 'application/octet-stream' },
        body: bytes,
        maxBodyBytes: MAX_SMALL_ANSWER_BYTES,
        signal,
      })
      if (start.status === 202) {
        await this.#finishUpload(repository, start, { digest, content: bytes }, signal)
      } else if (start.status !== 201) {
        await this.#pushOnce(repository, digest, bytes, signal)
        // What was refused is taken now, so it was the kind of request.
        host.takesSinglePost = false
      }
    } catch (error) {
      if (!isWorthRepeating(error, signal)) throw error
      await this.#pushOnce(repository, digest, bytes, signal)
    }
  }

  async #pushPatiently(
    repository: RepositoryName,
    digest: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await this.#pushOnce(repository, digest, bytes, signal)
    } catch (error) {
      if (!isWorthRepeating(error, signal)) throw error
      await this.#pushOnce(repository, digest, bytes, signal)
    }
  }

  async #pushOnce(
    repository: RepositoryName,
    digest: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Whatever else it answers, the upload will tell what is wrong.
    if (await this.has(repository, digest, signal)) return
    await this.#startUpload(repository, '', { digest, content: bytes }, signal)
  }

  /** Whether the repository has a blob; false, too, if the registry does not tell. */
  async has(repository: RepositoryName, digest: string, signal?: AbortSignal): Promise<boolean> {
    const head = await this.#connection.request(repository, 'push', {
      method: 'HEAD',
      path: `blobs/${digest}`,
      maxBodyBytes: 0,
      mayRedirect: true,
      signal,
    })
    return head.status === 200
  }

  /**
   * Pulls a blob of any size piece by piece. The last piece is given only after the digest was found right, so that
   * whoever passes the pieces on never passes on all of a wrong blob.
   *
   * Throws while it is read what {@link get} throws.
   */
  async open(
    repository: RepositoryName,
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const isSmall = size <= MAX_MIRRORED_BYTES && isSha256Digest(digest)
    const kind = isSmall ? 'digest' : 'belongings'
    const elsewhere = await this.#mirrors?.read(repository, kind, signal, async (client, place) => {
      if (!isSmall) return client.blobs.open(place, { digest, size }, signal)
      const bytes = await client.blobs.get(place, digest, size, signal)
      return verifiedChunks(Readable.from([bytes]), { digest, size }, place.registry)
    })
    if (elsewhere?.value !== undefined) return elsewhere.value
    const answer = await this.#connection.request(repository, 'pull', {
      method: 'GET',
      path: `blobs/${digest}`,
      maxBodyBytes: size,
      isStreamed: true,
      mayRedirect: true,
      signal,
    })
    if (answer.status !== 200 || answer.stream === undefined) {
      throw errorOfAnswer(repository, answer)
    }
    return verifiedChunks(answer.stream, { digest, size }, repository.registry)
  }

  /**
   * Uploads a blob piece by piece, or takes it over from another repository of the registry where it allows that. A large
   * one is sent in chunks, so that a broken connection costs one chunk; where the registry takes none, in one request.
   *
   * @param open Opens the content; not called if the blob need not be sent, and again where the upload has to begin again.
   * @param mountFrom A repository of the same registry that has it.
   * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if the registry loses the upload each time.
   */
  async pushStream(
    repository: RepositoryName,
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    open: () => Promise<AsyncIterable<Uint8Array>>,
    options: { readonly mountFrom?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    const { mountFrom, signal } = options
    if (await this.has(repository, digest, signal)) return
    const query = mountFrom === undefined ? '' : `?${mountQuery(digest, mountFrom)}`
    if (size > 2 * this.#chunkBytes && this.#hosts.of(repository).takesChunks) {
      const blob = { digest, open, signal }
      if (await this.#pushInChunks(repository, query, blob)) return
    }
    const content = async () => ({ length: size, chunks: await open() })
    await this.#startUpload(repository, query, { digest, content }, signal)
  }

  /** @returns False if the registry takes no chunks. */
  async #pushInChunks(
    repository: RepositoryName,
    query: string,
    { digest, open, signal }: LargeBlob,
  ): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_LARGE_ATTEMPTS; attempt++) {
      if (attempt > 1 && (await this.has(repository, digest, signal))) return true
      const start = await this.#beginUpload(repository, query, signal)
      if (start === 'mounted') return true
      const blob = { digest, open, chunkBytes: this.#chunkBytes, signal }
      const end = await uploadInChunks(this.#connection, repository, start, blob)
      if (end === 'no-chunks') {
        this.#hosts.of(repository).takesChunks = false
        return false
      }
      if (end === 'lost') continue
      if (end.status !== 201) throw errorOfAnswer(repository, end)
      return true
    }
    throw new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `${repository.registry} lost the upload of ${digest} ${MAX_LARGE_ATTEMPTS} times`,
      { hints: ['Try again later; what is there already is not sent again.'] },
    )
  }

  async #startUpload(
    repository: RepositoryName,
    query: string,
    blob: UploadedBlob,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const start = await this.#beginUpload(repository, query, signal)
    if (start !== 'mounted') await this.#finishUpload(repository, start, blob, signal)
  }

  async #beginUpload(
    repository: RepositoryName,
    query: string,
    signal: AbortSignal | undefined,
  ): Promise<Answer | 'mounted'> {
    const start = await this.#connection.request(repository, 'push', {
      method: 'POST',
      path: `blobs/uploads/${query}`,
      body: new Uint8Array(),
      maxBodyBytes: MAX_SMALL_ANSWER_BYTES,
      signal,
    })
    if (start.status === 201 && query !== '') return 'mounted'
    if (start.status !== 202) throw errorOfAnswer(repository, start)
    return start
  }

  async #finishUpload(
    repository: RepositoryName,
    start: Answer,
    blob: UploadedBlob,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { location } = start.headers
    if (location === undefined) throw badAnswer(repository, 'expected the location of an upload')
    const content = blob.content instanceof Uint8Array ? blob.content : await blob.content()
    const upload = { base: start.url, location, digest: blob.digest, content, signal }
    const end = await this.#connection.upload(repository, upload)
    if (end.status !== 201) throw errorOfAnswer(repository, end)
  }
}

function blobName(repository: RepositoryName, digest: string): string {
  return `${referenceContext(repository)}@${digest}`
}

function isWorthRepeating(error: unknown, signal: AbortSignal | undefined): boolean {
  const mayHelp = error instanceof ChanceryError && error.code === 'ERR_REGISTRY_UNAVAILABLE'
  return mayHelp && signal?.aborted !== true
}

function mountQuery(digest: string, from: string): string {
  return new URLSearchParams({ mount: digest, from }).toString()
}
