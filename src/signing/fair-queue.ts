/** A queue of many parties: each takes its turn, however much one of them has put in. */
export class FairQueue<Item> {
  /** In the order in which they are served; each with what it waits for, oldest first and at least one. */
  readonly #waiting = new Map<string, Item[]>()

  /** What a party waits for, oldest first. */
  of(party: string): readonly Item[] {
    return this.#waiting.get(party) ?? []
  }

  add(party: string, item: Item): void {
    const items = this.#waiting.get(party)
    if (items === undefined) this.#waiting.set(party, [item])
    else items.push(item)
  }

  /** Takes out the oldest item of the party whose turn it is; undefined if nobody waits. */
  take(): Item | undefined {
    for (const [party, items] of this.#waiting) {
      const [first, ...others] = items
      this.#waiting.delete(party)
      if (others.length > 0) this.#waiting.set(party, others)
      return first
    }
    return undefined
  }
}
