import { ChanceryError } from '../errors/chancery-error.ts'
import type { RetryPolicy } from './retry.ts'

/** How long a host that is failing is left alone before it is tried anew. */
const RECOVERY_MS = 30_000
/** Repetitions that may be made at once, and what each success gives back of them. */
const MAX_REPEATS = 20
const REPEATS_PER_SUCCESS = 0.25
/** A person is told after so long that a host is waited for, and again after so long. */
const SILENCE_MS = 5_000
const REPEAT_NEWS_MS = 15_000

/**
 * What one host may cost, shared by all requests to it: how long it is tried without success, how many requests are
 * repeated, and until when it asked to be left alone. So a host that is down costs its time once, however many requests
 * wait for it, and one that is overloaded is not asked more than before.
 */
export class HostBudget {
  readonly #host: string
  readonly #policy: RetryPolicy
  readonly #onWait: ((message: string) => void) | undefined
  #repeats = MAX_REPEATS
  #failingSinceMs: number | undefined
  #lastFailureMs = 0
  #askedNotBeforeMs = 0
  #lastNewsMs = -Infinity

  constructor(host: string, policy: RetryPolicy, onWait?: (message: string) => void) {
    this.#host = host
    this.#policy = policy
    this.#onWait = onWait
  }

  /**
   * How long the host may take from now on, in milliseconds.
   *
   * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if it was tried long enough.
   */
  remainingMs(): number {
    const now = performance.now()
    if (now - this.#lastFailureMs > RECOVERY_MS) this.#failingSinceMs = undefined
    const since = this.#failingSinceMs
    if (since === undefined) return this.#policy.patienceMs
    const remaining = since + this.#policy.patienceMs - now
    if (remaining > 0) return remaining
    const triedMs = Math.round((this.#lastFailureMs - since) / 1000)
    throw new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `${this.#host} was tried for ${triedMs} s and did not answer`,
      { hints: ['Try again; if it stays so, look at the registry or the network between.'] },
    )
  }

  /** How long to wait before the host may be asked, because it said so. */
  askedPauseMs(): number {
    return Math.max(0, this.#askedNotBeforeMs - performance.now())
  }

  succeeded(): void {
    this.#failingSinceMs = undefined
    this.#repeats = Math.min(MAX_REPEATS, this.#repeats + REPEATS_PER_SUCCESS)
  }

  /** @param startedAtMs When the request that failed was sent, by the clock of `performance.now()`. */
  failed(startedAtMs: number): void {
    this.#lastFailureMs = performance.now()
    this.#failingSinceMs ??= startedAtMs
  }

  /** Whether a failed request may be sent again after a pause; takes one from what may be repeated. */
  mayRepeatAfter(pauseMs: number): boolean {
    const since = this.#failingSinceMs ?? performance.now()
    const isInTime = performance.now() + pauseMs < since + this.#policy.patienceMs
    if (!isInTime || this.#repeats < 1) return false
    this.#repeats -= 1
    return true
  }

  /** Lets all requests to the host wait. */
  leaveAlone(pauseMs: number, reason: string): void {
    this.#askedNotBeforeMs = Math.max(this.#askedNotBeforeMs, performance.now() + pauseMs)
    if (pauseMs >= 1000)
      this.#tell(`${this.#host} ${reason}; waiting ${Math.ceil(pauseMs / 1000)} s`)
  }

  /** Tells when the host is waited for long, until the returned function is called. */
  watch(): () => void {
    if (this.#onWait === undefined) return () => undefined
    const startedAt = performance.now()
    const timer = setInterval(() => {
      const waited = Math.round((performance.now() - startedAt) / 1000)
      this.#tell(`waiting for ${this.#host}, which has not answered for ${waited} s`)
    }, SILENCE_MS)
    timer.unref()
    return () => clearInterval(timer)
  }

  #tell(message: string): void {
    const now = performance.now()
    if (now - this.#lastNewsMs < REPEAT_NEWS_MS) return
    this.#lastNewsMs = now
    this.#onWait?.(message)
  }
}
