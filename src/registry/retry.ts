import { setTimeout as sleep } from 'node:timers/promises'

/** How often and after what pause a failed exchange is repeated. */
export interface RetryPolicy {
  /** How many times in all, the first included. */
  readonly attempts: number
  /** The upper end of the first pause; it doubles each time. */
  readonly baseDelayMs: number
  /** The longest pause that is chosen here. */
  readonly maxDelayMs: number
  /** The longest pause a server may ask for with `Retry-After`; if it asks for more, the failure stands. */
  readonly maxRetryAfterMs: number
  /** How long a host is tried without success, by all requests to it together. */
  readonly patienceMs: number
}

/** The policy where none is given. */
export const DEFAULT_RETRIES: RetryPolicy = {
  attempts: 4,
  baseDelayMs: 250,
  maxDelayMs: 5_000,
  maxRetryAfterMs: 30_000,
  patienceMs: 60_000,
}

/** A pause of random length whose upper end doubles with each attempt (counted from 1), so that callers spread out. */
export function backoffMs(policy: RetryPolicy, attempt: number): number {
  const upperEnd = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempt - 1))
  return upperEnd * (0.5 + Math.random() / 2)
}

/**
 * What a `Retry-After` header asks for, in milliseconds; undefined if it is absent or malformed.
 * Source: RFC 9110, section 10.2.3.
 *
 * @param now Milliseconds since 1970.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(header)
    ? Date.parse(header)
    : NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/** Waits; ends early, without an error, when the signal fires. */
export async function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(durationMs, undefined, signal === undefined ? {} : { signal })
  } catch (cause) {
    if (signal?.aborted !== true) throw cause
  }
}
