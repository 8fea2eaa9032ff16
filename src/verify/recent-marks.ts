/**
 * A set of numbers that forgets: it knows the latest `size` of those that were added, and at most as many from before. To add
 * one costs no more than a set of numbers does: the older half goes all at once.
 */
export class RecentMarks {
  readonly #size: number
  #latest = new Set<number>()
  #before = new Set<number>()

  /** @param size At least 1. */
  constructor(size: number) {
    this.#size = size
  }

  has(mark: number): boolean {
    return this.#latest.has(mark) || this.#before.has(mark)
  }

  add(mark: number): void {
    this.#latest.add(mark)
    if (this.#latest.size < this.#size) return
    this.#before = this.#latest
    this.#latest = new Set()
  }
}
