/** A map that forgets what was added first when it would grow beyond its limit. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #maxSize: number
  /** From the oldest on. It is kept, since a new one first passes the places of all that was deleted. */
  #oldest: MapIterator<Key>

  constructor(maxSize: number) {
    super()
    this.#maxSize = maxSize
    this.#oldest = this.keys()
  }

  override set(key: Key, value: Value): this {
    if (this.size >= this.#maxSize && !this.has(key)) this.#forgetOldest()
    return super.set(key, value)
  }

  #forgetOldest(): void {
    let { done, value } = this.#oldest.next()
    if (done === true) {
      this.#oldest = this.keys()
      ;({ done, value } = this.#oldest.next())
    }
    if (done !== true) this.delete(value as Key)
  }
}
