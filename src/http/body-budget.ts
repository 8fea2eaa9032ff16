import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { ChanceryError } from '../errors/chancery-error.ts'

/** Bodies up to this size are not counted: connections bound them. */
const SMALL_BODY_BYTES = 64 * 1024

/** How many bytes of large bodies may be in memory at a time, however many clients send them. */
export class BodyBudget {
  readonly #maxBytes: number
  readonly #bodyLimit: number
  #reserved = 0

  /** @param bodyLimit What a body without a `Content-Length` counts as: the most bytes it may have. */
  constructor(maxBytes: number, bodyLimit: number) {
    this.#maxBytes = maxBytes
    this.#bodyLimit = bodyLimit
  }

  /**
   * Sets memory aside for a body that is about to be read, until the answer's connection is done with.
   *
   * @throws ChanceryError ERR_HTTP_BUSY if that is more than is left.
   */
  reserve(headers: IncomingHttpHeaders, response: ServerResponse): void {
    const bytes = this.#sizeOf(headers)
    if (bytes <= SMALL_BODY_BYTES) return
    if (this.#reserved + bytes > this.#maxBytes) {
      throw new ChanceryError(
        'ERR_HTTP_BUSY',
        'expected fewer large bodies at the same time; this one was not read',
        { hints: ['send it again in some seconds'] },
      )
    }
    this.#reserved += bytes
    response.once('close', () => {
      this.#reserved -= bytes
    })
  }

  #sizeOf(headers: IncomingHttpHeaders): number {
    if (headers['transfer-encoding'] !== undefined) return this.#bodyLimit
    return Math.min(Number(headers['content-length'] ?? 0), this.#bodyLimit)
  }
}
