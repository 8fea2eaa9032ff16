import { BoundedMap } from '../verify/bounded-map.ts'

interface Deed {
  readonly done: Promise<unknown>
  /** By the clock of `performance.now()`; undefined while it is under way. */
  endedAtMs?: number
}

const MAX_REMEMBERED = 10_000
/** A blob that nothing refers to yet may be collected as garbage; no registry does so within a minute. */
const REMEMBERED_MS = 60_000

/** What this process has done within the last minute, or is doing, by name: nothing of it is done twice. */
export class DoneLately {
  readonly #deeds = new BoundedMap<string, Deed>(MAX_REMEMBERED)

  /** Does something unless that has just been done. What fails is as if it had not begun, also for those that wait. */
  async once(name: string, act: () => Promise<unknown>): Promise<void> {
    const known = this.#deeds.get(name)
    if (known !== undefined && !isOld(known) && (await succeeds(known.done))) return
    const own: Deed = { done: act() }
    this.#deeds.set(name, own)
    try {
      await own.done
      own.endedAtMs = performance.now()
    } catch (error) {
      if (this.#deeds.get(name) === own) this.#deeds.delete(name)
      throw error
    }
  }

  /** Has it done again the next time. */
  forget(name: string): void {
    this.#deeds.delete(name)
  }
}

/** Whether another one's deed came to its end; why it did not is for that one to tell. */
function succeeds(deed: Promise<unknown>): Promise<boolean> {
  return deed.then(
    () => true,
    () => false,
  )
}

function isOld({ endedAtMs }: Deed): boolean {
  return endedAtMs !== undefined && performance.now() - endedAtMs > REMEMBERED_MS
}
