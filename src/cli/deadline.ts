/** What a timer of Node can wait for: 24.8 days. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** When a command has to be done: what it waits for by then it gives up. */
export class Deadline {
  /** Aborts with a TimeoutError when the time is over. */
  readonly signal: AbortSignal
  readonly #endsAt: number

  /** @param timeoutMs From now; more than 24.8 days count as that. */
  constructor(timeoutMs: number) {
    const boundedMs = Math.min(timeoutMs, MAX_TIMER_MS)
    this.#endsAt = performance.now() + boundedMs
    this.signal = AbortSignal.timeout(boundedMs)
  }

  /** The milliseconds that are left; 0 or less when the time is over. */
  get leftMs(): number {
    return this.#endsAt - performance.now()
  }
}
