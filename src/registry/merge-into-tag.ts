import { ChanceryError } from '../errors/chancery-error.ts'
import { referenceContext } from '../format/oci-reference.ts'
import type { RepositoryName } from './origins.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { TagMerge, type TagContent } from './tag-merge.ts'

/** What somebody wants a tag to hold, besides what it holds. */
export interface TagAddition<Entry> {
  readonly entry: Entry
  /** Whether an entry that is there already stands for this one. */
  readonly isStoodForBy: (existing: Entry) => boolean
  /** Which entries that are there already make room for it; others may put them back at the same time. */
  readonly isReplaced?: (existing: Entry) => boolean
  /** Stores what the entry refers to; called only if it is not there yet. */
  readonly prepare?: (signal: AbortSignal | undefined) => Promise<void>
  /** What the tag held a moment ago, if that was read; spares reading it again. */
  readonly seen?: { readonly found: PulledManifest | undefined } | undefined
  /**
   * Whether the tag is likely to be absent: then everything is stored before the tag is read, so that what is read is
   * still fresh when it is written. That it is there all the same costs what was stored, and nothing else.
   */
  readonly isLikelyNew?: boolean
  readonly signal?: AbortSignal | undefined
}

/** What became of an addition. */
export interface MergedAddition {
  readonly outcome: 'added' | 'already-there'
  /** How many entries the tag holds now. */
  readonly entries: number
  /** What the tag holds now. */
  readonly found: PulledManifest | undefined
}

interface Waiting<Entry> {
  readonly client: RegistryClient
  readonly addition: TagAddition<Entry>
  readonly resolve: (merged: MergedAddition) => void
  readonly reject: (error: unknown) => void
}

/** What waits for each tag that is being written. */
const queues = new Map<string, unknown[]>()

/**
 * Adds an entry to those that a tag holds, for tags that many write: signatures, the fallback list of referrers.
 *
 * Registries offer no atomic change of a tag, so two writers can undo one another. Against that {@link TagMerge} reads
 * again before and after it writes; and in this process writes to one tag wait for one another, where everything that
 * waits is added in one write.
 *
 * @param content The same for all that write the tag.
 * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if others kept undoing it, or the addition's signal fired.
 * @throws ChanceryError ERR_REGISTRY_IMMUTABLE_TAG if the registry does not let the tag be changed; besides, what
 * `content`, `prepare` and {@link RegistryClient} throw.
 */
export function mergeIntoTag<Entry>(
  client: RegistryClient,
  repository: RepositoryName,
  tag: string,
  content: TagContent<Entry>,
  addition: TagAddition<Entry>,
): Promise<MergedAddition> {
  const key = `${referenceContext(repository)}:${tag}`
  const { promise, resolve, reject } = Promise.withResolvers<MergedAddition>()
  const waiting: Waiting<Entry> = { client, addition, resolve, reject }
  const queue = queues.get(key) as Waiting<Entry>[] | undefined
  if (queue !== undefined) {
    queue.push(waiting)
    return promise
  }
  const fresh = [waiting]
  queues.set(key, fresh)
  const run = (batch: readonly Waiting<Entry>[]): Promise<void> => {
    const [first = waiting] = batch
    return new Batch(first.client, repository, tag, content, batch).run()
  }
  void drain(fresh, run, () => queues.delete(key))
  return promise
}

/**
 * Works a queue off until it is empty; nothing it does fails as a whole.
 *
 * @param onEmpty Called in the same turn, so that nobody can wait in a queue that nobody works off.
 */
async function drain<Entry>(
  queue: Waiting<Entry>[],
  run: (batch: readonly Waiting<Entry>[]) => Promise<void>,
  onEmpty: () => void,
): Promise<void> {
  // What is added in the same turn goes along.
  await Promise.resolve()
  while (queue.length > 0) {
    // Another client may have other credentials.
    const client = queue[0]?.client
    const batch = queue.filter((one) => one.client === client)
    const rest = queue.filter((one) => one.client !== client)
    queue.splice(0, queue.length, ...rest)
    await run(batch)
  }
  onEmpty()
}

/** Additions that share one write. */
class Batch<Entry> {
  readonly #client: RegistryClient
  readonly #repository: RepositoryName
  readonly #tag: string
  readonly #content: TagContent<Entry>
  readonly #batch: readonly Waiting<Entry>[]
  readonly #allGone = new AbortController()

  constructor(
    client: RegistryClient,
    repository: RepositoryName,
    tag: string,
    content: TagContent<Entry>,
    batch: readonly Waiting<Entry>[],
  ) {
    this.#client = client
    this.#repository = repository
    this.#tag = tag
    this.#content = content
    this.#batch = batch
  }

  /** Settles every addition; never throws. */
  async run(): Promise<void> {
    const stopWatching = this.#watchSignals()
    try {
      await this.#merge()
    } catch (error) {
      for (const { reject } of this.#batch) reject(error)
    } finally {
      stopWatching()
    }
  }

  async #merge(): Promise<void> {
    const signal = this.#allGone.signal
    const isNew = this.#batch.every(({ addition }) => addition.isLikelyNew === true)
    const early = isNew ? await this.#prepareForNew(signal) : this.#batch
    const seen = early.length === 1 && !isNew ? early[0]?.addition.seen : undefined
    const first =
      seen === undefined
        ? await this.#client.findManifest(this.#repository, this.#tag, signal)
        : seen.found
    const readAtMs = seen === undefined ? performance.now() : -Infinity
    const missing = this.#settleThoseThere(early, first)
    const prepared = isNew ? missing : await this.#prepareAll(missing)
    const fresh: Waiting<Entry>[] = []
    const twins: Waiting<Entry>[] = []
    for (const one of prepared) {
      const isTwin = fresh.some(({ addition }) => one.addition.isStoodForBy(addition.entry))
      ;(isTwin ? twins : fresh).push(one)
    }
    if (fresh.length === 0) return
    const additions = fresh.map(({ addition }) => addition.entry)
    const isReplaced = (entry: Entry): boolean =>
      fresh.some(({ addition }) => addition.isReplaced?.(entry) ?? false)
    const merge = new TagMerge(
      this.#client,
      this.#repository,
      this.#tag,
      this.#content,
      readAtMs,
      isReplaced,
      signal,
    )
    const found = await merge.run(first, additions)
    const entries = this.#content.entriesOf(found).length
    for (const { resolve } of fresh) resolve({ outcome: 'added', entries, found })
    for (const { resolve } of twins) resolve({ outcome: 'already-there', entries, found })
  }

  /** Stores what a tag that is absent is going to refer to. @returns Those for which that went well. */
  async #prepareForNew(signal: AbortSignal): Promise<readonly Waiting<Entry>[]> {
    const prepared = await this.#prepareAll(this.#batch)
    if (prepared.length === 0) return []
    const entries = prepared.map(({ addition }) => addition.entry)
    const { config } = this.#content.encode(entries, undefined)
    if (config !== undefined) await this.#client.blobs.upload(this.#repository, config, signal)
    return prepared
  }

  /** @returns Those that are not there. */
  #settleThoseThere(
    batch: readonly Waiting<Entry>[],
    found: PulledManifest | undefined,
  ): readonly Waiting<Entry>[] {
    const existing = this.#content.entriesOf(found)
    return batch.filter((one) => {
      try {
        if (!existing.some((entry) => one.addition.isStoodForBy(entry))) return true
        one.resolve({ outcome: 'already-there', entries: existing.length, found })
      } catch (error) {
        one.reject(error)
      }
      return false
    })
  }

  /** @returns Those for which that went well; the others are told. */
  async #prepareAll(batch: readonly Waiting<Entry>[]): Promise<readonly Waiting<Entry>[]> {
    const isPrepared = await Promise.all(batch.map((one) => this.#prepare(one)))
    return batch.filter((_, index) => isPrepared[index])
  }

  async #prepare({ addition, reject }: Waiting<Entry>): Promise<boolean> {
    try {
      await addition.prepare?.(addition.signal)
      return true
    } catch (error) {
      reject(error)
      return false
    }
  }

  /** Lets each addition go when its signal fires, and the whole batch when all are gone. */
  #watchSignals(): () => void {
    let present = this.#batch.length
    const stops = this.#batch.map(({ addition: { signal }, reject }) => {
      const onAbort = (): void => {
        reject(givenUp(this.#tag, signal?.reason))
        if (--present === 0) this.#allGone.abort(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted === true) onAbort()
      return () => signal?.removeEventListener('abort', onAbort)
    })
    return () => {
      for (const stop of stops) stop()
    }
  }
}

function givenUp(tag: string, cause: unknown): ChanceryError {
  const message = `the change of ${tag} was given up before it was seen to last`
  return new ChanceryError('ERR_REGISTRY_UNAVAILABLE', message, { cause })
}
