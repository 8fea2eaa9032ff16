/** A map that forgets what was added first when it would grow beyond its limit. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #maxSize: number

  constructor(maxSize: number) {
    super()
    this.#maxSize = maxSize
  }

  override set(key: Key, value: Value): this {
    const [oldest] = this.keys()
    if (this.size >= this.#maxSize && !this.has(key) && oldest !== undefined) this.delete(oldest)
    return super.set(key, value)
  }
}
