import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { ChanceryError } from '../errors/chancery-error.ts'

/** Bodies up to this size are not counted: connections bound them. */
const SMALL_BODY_BYTES = 64 * 1024

/** How long an organization that was refused counts as one that waits; clients try again every few seconds. */
const WAITING_MS = 30_000

/**
 * How many bytes of large bodies may be in memory at a time, however many clients send them, and whose.
 *
 * An organization alone may have all but the room for one largest body, which is kept for those that have nothing here.
 * While others send bodies or were refused lately, it gets nothing more once it has its share.
 */
export class BodyBudget {
  readonly #maxBytes: number
  readonly #largest: number
  readonly #now: () => number
  #reserved = 0
  /** Bytes by organization; none has 0. */
  readonly #held = new Map<string, number>()
  /** When an organization was refused last. */
  readonly #refused = new Map<string, number>()

  /**
   * @param largest Bytes of the largest body that any route reads.
   * @param now Milliseconds of a clock that does not jump.
   */
  constructor(maxBytes: number, largest: number, now = () => performance.now()) {
    this.#maxBytes = maxBytes
    this.#largest = largest
    this.#now = now
  }

  /**
   * Sets memory aside for a body that is about to be read, until the answer's connection is done with.
   *
   * @param bodyLimit The most bytes that are read of it; what a body without a `Content-Length` counts as.
   * @throws ChanceryError ERR_HTTP_BUSY if that is more than is left for the organization.
   */
  reserve(
    organizationId: string,
    headers: IncomingHttpHeaders,
    bodyLimit: number,
    response: ServerResponse,
  ): void {
    const bytes = sizeOf(headers, bodyLimit)
    if (bytes <= SMALL_BODY_BYTES) return
    if (!this.#hasRoom(organizationId, bytes)) {
      this.#refused.set(organizationId, this.#now())
      throw new ChanceryError(
        'ERR_HTTP_BUSY',
        'expected fewer large bodies at the same time; this one was not read',
        { hints: ['send it again in some seconds'] },
      )
    }
    this.#refused.delete(organizationId)
    this.#add(organizationId, bytes)
    response.once('close', () => this.#add(organizationId, -bytes))
  }

  #hasRoom(organizationId: string, bytes: number): boolean {
    const left = this.#maxBytes - this.#reserved
    const held = this.#held.get(organizationId)
    if (held === undefined) return bytes <= left
    const share = this.#maxBytes / this.#countParties(organizationId)
    return bytes <= left - this.#largest && held + bytes <= share
  }

  /** The organization, all others that have bodies here, and those that wait for room. */
  #countParties(organizationId: string): number {
    const since = this.#now() - WAITING_MS
    for (const [refused, at] of this.#refused) if (at < since) this.#refused.delete(refused)
    return new Set([organizationId, ...this.#held.keys(), ...this.#refused.keys()]).size
  }

  #add(organizationId: string, bytes: number): void {
    this.#reserved += bytes
    const held = (this.#held.get(organizationId) ?? 0) + bytes
    if (held > 0) this.#held.set(organizationId, held)
    else this.#held.delete(organizationId)
  }
}

function sizeOf(headers: IncomingHttpHeaders, bodyLimit: number): number {
  if (headers['transfer-encoding'] !== undefined) return bodyLimit
  return Math.min(Number(headers['content-length'] ?? 0), bodyLimit)
}
