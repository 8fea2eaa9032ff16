import { Readable } from 'node:stream'
import { ChanceryError } from '../errors/chancery-error.ts'
import { badAnswer, errorOfAnswer } from './answers.ts'
import type { Answer, StreamedBody } from './http-transport.ts'
import type { RepositoryName } from './origins.ts'
import type { BlobUpload, RegistryConnection } from './registry-connection.ts'
import { pause } from './retry.ts'

/** A blob that is sent in several requests. */
export interface ChunkedBlob {
  /** `sha256:<hex>` or `sha512:<hex>`. */
  readonly digest: string
  /** Opens the content, once; it is read to its end, or until the upload is given up. */
  readonly open: () => Promise<AsyncIterable<Uint8Array>>
  /** Bytes of one request; more where the registry wants more. That much of the blob is held in memory. */
  readonly chunkBytes: number
  readonly signal?: AbortSignal | undefined
}

/**
 * How an upload ended: with the registry's answer to its last request; `lost` if it has to begin again; `no-chunks` if the
 * registry takes no chunks, or none that fit into memory.
 */
export type ChunkedOutcome = Answer | 'lost' | 'no-chunks'

/** Chunks that a registry wants to be larger than that are not sent. */
const MAX_CHUNK_BYTES = 64 * 1024 * 1024
/** How often a chunk is tried, whatever part of it arrives each time. */
const MAX_ROUNDS = 5
const FIRST_PAUSE_MS = 100
const PIECE_BYTES = 64 * 1024
/** Answers of a registry that does not know such a request. */
const NO_CHUNKS: readonly number[] = [400, 404, 405, 415, 501]
/** Answers of one that does not know the upload any more, or not as we do. */
const LOST: readonly number[] = [400, 404, 410, 416]

/**
 * Sends a blob in chunks. After a broken connection, or where the registry has other bytes than it should, it is asked
 * how far it came, and gets the rest of the chunk.
 *
 * @param start The answer that began the upload.
 * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if the registry says that it has what it was never sent; besides, what the
 * content and {@link RegistryConnection.upload} throw.
 * Source: OCI distribution-spec 1.1, "Pushing a blob in chunks".
 */
export async function uploadInChunks(
  connection: RegistryConnection,
  repository: RepositoryName,
  start: Answer,
  blob: ChunkedBlob,
): Promise<ChunkedOutcome> {
  const minimum = Number(start.headers['oci-chunk-min-length'] ?? 0)
  const chunkBytes = Math.max(blob.chunkBytes, Number.isSafeInteger(minimum) ? minimum : 0)
  if (chunkBytes > MAX_CHUNK_BYTES) return 'no-chunks'
  return new ChunkedUpload(connection, repository, start, blob).run(chunkBytes)
}

class ChunkedUpload {
  readonly #connection: RegistryConnection
  readonly #repository: RepositoryName
  readonly #blob: ChunkedBlob
  #location: Pick<BlobUpload, 'location' | 'base'>
  /** How many bytes the registry has, as far as is known. */
  #offset = 0

  constructor(
    connection: RegistryConnection,
    repository: RepositoryName,
    start: Answer,
    blob: ChunkedBlob,
  ) {
    const { location } = start.headers
    if (location === undefined) throw badAnswer(repository, 'expected the location of an upload')
    this.#connection = connection
    this.#repository = repository
    this.#blob = blob
    this.#location = { location, base: start.url }
  }

  async run(chunkBytes: number): Promise<ChunkedOutcome> {
    for await (const chunk of inChunksOf(await this.#blob.open(), chunkBytes)) {
      const outcome = await this.#send(chunk)
      if (outcome !== 'sent') return outcome
    }
    const { digest, signal } = this.#blob
    const content = new Uint8Array()
    const end = await this.#orBroken({ ...this.#location, digest, content, signal })
    // Whether it was taken is found out before it is sent again.
    return end === undefined || LOST.includes(end.status) ? 'lost' : end
  }

  async #send(chunk: Uint8Array): Promise<'sent' | 'lost' | 'no-chunks'> {
    const start = this.#offset
    const end = start + chunk.length
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const rest = chunk.subarray(this.#offset - start)
      const answer = await this.#patch(rest)
      const isFirst = start === 0 && round === 1
      if (answer === undefined || answer.status === 416) {
        await pause(FIRST_PAUSE_MS * 2 ** (round - 1) * (1 + Math.random()), this.#blob.signal)
        if (!(await this.#resume(start, end))) return 'lost'
      } else if (answer.status >= 200 && answer.status < 300) {
        this.#follow(answer)
        const received = receivedBytes(answer, start) ?? end
        if (!this.#goOnFrom(received, start, end)) return 'lost'
      } else if (isFirst && NO_CHUNKS.includes(answer.status)) return 'no-chunks'
      else if (LOST.includes(answer.status)) return 'lost'
      else throw errorOfAnswer(this.#repository, answer)
      if (this.#offset === end) return 'sent'
    }
    return 'lost'
  }

  #patch(rest: Uint8Array): Promise<Answer | undefined> {
    return this.#orBroken({
      ...this.#location,
      method: 'PATCH',
      headers: { 'content-range': `${this.#offset}-${this.#offset + rest.length - 1}` },
      content: () => streamOf(rest),
      signal: this.#blob.signal,
    })
  }

  /** Asks how far the registry came. @returns Whether it can go on from there. */
  async #resume(start: number, end: number): Promise<boolean> {
    const { signal } = this.#blob
    const status = await this.#orBroken({ ...this.#location, method: 'GET', signal })
    if (status === undefined || status.status < 200 || status.status >= 300) return false
    this.#follow(status)
    const received = receivedBytes(status, start)
    return this.#goOnFrom(received ?? 0, start, end)
  }

  /** What came before the chunk is not in memory any more. */
  #goOnFrom(received: number, start: number, end: number): boolean {
    if (received > end) {
      throw badAnswer(
        this.#repository,
        `it claims to have ${received} bytes of an upload of which ${end} were sent`,
      )
    }
    this.#offset = Math.max(received, start)
    return received >= start
  }

  #follow({ headers, url }: Answer): void {
    if (headers.location !== undefined) this.#location = { location: headers.location, base: url }
  }

  /** The answer; undefined where the connection broke, or the registry was busy, so that nobody knows what arrived. */
  async #orBroken(upload: BlobUpload): Promise<Answer | undefined> {
    try {
      return await this.#connection.upload(this.#repository, upload)
    } catch (error) {
      const isBroken = error instanceof ChanceryError && error.code === 'ERR_REGISTRY_UNAVAILABLE'
      if (!isBroken || upload.signal?.aborted === true) throw error
      return undefined
    }
  }
}

/**
 * How many bytes an answer says that the registry has; undefined if it does not say.
 *
 * `0-0` stands for no byte at all as well as for one; the first is what happens.
 */
function receivedBytes({ headers }: Answer, start: number): number | undefined {
  const [, last] = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(headers.range ?? '') ?? []
  if (last === undefined) return undefined
  return last === '0' && start === 0 ? 0 : Number(last) + 1
}

/** Pieces put together into chunks of one size; only the last may be smaller. */
async function* inChunksOf(
  pieces: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(bytes)
  let filled = 0
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length;) {
      const part = piece.subarray(from, from + bytes - filled)
      chunk.set(part, filled)
      filled += part.length
      from += part.length
      if (filled < bytes) continue
      yield chunk
      chunk = new Uint8Array(bytes)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

function streamOf(bytes: Uint8Array): StreamedBody {
  const pieces = function* () {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      yield bytes.subarray(from, from + PIECE_BYTES)
    }
  }
  return { length: bytes.length, chunks: Readable.from(pieces()) }
}
