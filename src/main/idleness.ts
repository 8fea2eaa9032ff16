import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** A server at which fewer ask in this time is idle, but for probes of its health and of its metrics. */
const PERIOD_MS = 5000
const FEW_REQUESTS = 10

/** Between two rests: what comes after one costs more, until the engine has compiled again what it forgot. */
const PAUSE_MS = 60_000

/** What the process must have grown by, in bytes, to be worth a rest. */
const GROWTH = 16 * 1024 * 1024

/**
 * Calls `rest` once when a server has become idle: when nothing is under way, next to nothing was asked for in the last five
 * seconds, and the process has grown since the last rest. The first rest comes soon after the start, others a minute
 * or more after the one before. A server that nobody asks for anything is not looked after: there is no timer then, and none
 * keeps the process alive.
 *
 * @param residentBytes Of the process; asked twice per period at most.
 */
export class Idleness {
  readonly #server: Server
  readonly #rest: () => void
  readonly #residentBytes: () => number
  #underWay = 0
  #inPeriod = 0
  #rested = 0
  #timer: NodeJS.Timeout | undefined

  constructor(server: Server, rest: () => void, residentBytes = () => process.memoryUsage.rss()) {
    this.#server = server
    this.#rest = rest
    this.#residentBytes = residentBytes
    server.on('request', this.#begin)
    this.#startPeriod()
  }

  readonly #begin = (_request: IncomingMessage, response: ServerResponse): void => {
    this.#underWay += 1
    this.#inPeriod += 1
    response.once('close', this.#end)
    if (this.#timer === undefined) this.#startPeriod()
  }

  readonly #end = (): void => {
    this.#underWay -= 1
  }

  #startPeriod(milliseconds = PERIOD_MS): void {
    // What other threads gave back after the last rest counts, too.
    this.#rested = Math.min(this.#rested, this.#residentBytes())
    this.#timer = setTimeout(this.#endPeriod, milliseconds).unref()
  }

  readonly #endPeriod = (): void => {
    const isIdle = this.#underWay === 0 && this.#inPeriod <= FEW_REQUESTS
    this.#inPeriod = 0
    this.#timer = undefined
    if (!isIdle) {
      this.#startPeriod()
      return
    }
    if (this.#residentBytes() < this.#rested + GROWTH) return
    this.#rest()
    this.#rested = this.#residentBytes()
    this.#startPeriod(PAUSE_MS)
  }

  /** Ends the watch. */
  stop(): void {
    this.#server.off('request', this.#begin)
    clearTimeout(this.#timer)
  }
}
