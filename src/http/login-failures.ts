import type { LoginFailure } from './services.ts'

const WINDOW_MS = 60_000
const MAX_ADDRESSES = 100

/**
 * Refused credentials on their way to the audit log, bounded so that a flood of them cannot fill the disk.
 *
 * The first refusal from an address is recorded at once; those that follow within a minute are counted and recorded
 * together when the minute is over. Beyond 100 addresses in a minute all others are counted as one, without an address.
 */
export class LoginFailures {
  readonly #record: (failure: LoginFailure) => void
  readonly #pending = new Map<string | null, { requestId: string; attempts: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor(record: (failure: LoginFailure) => void) {
    this.#record = record
  }

  add(address: string | null, requestId: string): void {
    const key = this.#pending.has(address) || this.#pending.size < MAX_ADDRESSES ? address : null
    const pending = this.#pending.get(key)
    if (pending === undefined) {
      this.#pending.set(key, { requestId, attempts: 0 })
      this.#record({ address: key, requestId, attempts: 1 })
    } else {
      if (pending.attempts === 0) pending.requestId = requestId
      pending.attempts++
    }
    this.#timer ??= setTimeout(() => {
      this.close()
    }, WINDOW_MS).unref()
  }

  /** Records what was counted and starts over. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const pending = Array.from(this.#pending)
    this.#pending.clear()
    for (const [address, { requestId, attempts }] of pending) {
      if (attempts > 0) this.#record({ address, requestId, attempts })
    }
  }
}
