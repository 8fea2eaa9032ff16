import { ChanceryError } from '../errors/chancery-error.ts'
import { saysUnknown } from './answers.ts'
import type { RepositoryName } from './origins.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import { pause } from './retry.ts'

/** How the entries of a tag are read and written. */
export interface TagContent<Entry> {
  /** @throws ChanceryError if the tag holds something else. */
  readonly entriesOf: (found: PulledManifest | undefined) => readonly Entry[]
  readonly isSame: (one: Entry, other: Entry) => boolean
  /**
   * The manifest of all the entries.
   *
   * @param replaced What it replaces; whatever else that says is kept.
   */
  readonly encode: (
    entries: readonly Entry[],
    replaced: PulledManifest | undefined,
  ) => EncodedContent
  /** Which entries name something that has been removed; absent where nothing of that kind is. */
  readonly findGone?: (
    client: RegistryClient,
    repository: RepositoryName,
    entries: readonly Entry[],
    signal: AbortSignal | undefined,
  ) => Promise<readonly Entry[]>
}

/** A manifest ready to be pushed. */
export interface EncodedContent {
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Its configuration, to be pushed before it. */
  readonly config?: Uint8Array
}

/** Rounds of reading, merging and writing after which it is given up. */
const MAX_ROUNDS = 60
/** Writes that may fail before that is the error. */
const MAX_FAILURES = 3
/** Writes over an unchanged tag that may be refused before the tag counts as immutable. */
const MAX_REFUSALS = 3
const MIN_SETTLE_MS = 200
const MAX_SETTLE_MS = 3_000
/** What was read so recently is not read again before the write; far less than anybody waits afterwards. */
const FRESH_MS = 50
/** How often an entry of somebody else that goes missing is put back: more is no accident, somebody replaces it. */
const MAX_RESTORATIONS = 8
/** How often the tag has to be found complete when others write it at the same time. */
const CONFIRMATIONS_AMONG_OTHERS = 3
const SAYS_IMMUTABLE = /immutab|overwrit|already exists|locked/i

/**
 * One change of a tag that others may be changing:
 * - the tag is read just before it is written, and `If-Match` goes along where the registry gives an ETag;
 * - it is read again after everybody who might have read the old state has had time to write, and everything that has
 *   been seen and is missing is written again, with pauses of random length, but for what others have removed where the
 *   registry refuses a list that names it, and for what they replace again and again.
 */
export class TagMerge<Entry> {
  readonly #client: RegistryClient
  readonly #repository: RepositoryName
  readonly #tag: string
  readonly #content: TagContent<Entry>
  readonly #signal: AbortSignal | undefined
  readonly #isReplaced: (entry: Entry) => boolean
  /** Every entry seen under the tag since the beginning, but for those that are replaced, and our own. */
  readonly #known: Entry[] = []
  #own: readonly Entry[] = []
  /** What others have removed. */
  readonly #gone: Entry[] = []
  /** How often entries of others were missing. */
  readonly #absences = new Map<Entry, number>()
  #longestWriteMs = 0
  /** When the tag was read last, by the clock of `performance.now()`. */
  #readAtMs: number
  #hasSeenOthers = false
  /** Whether the registry has shown that it honours `If-Match`, so that nobody can undo what is there. */
  #isConditional = false
  #failures = 0
  #refusals = 0

  /**
   * @param readAtMs When what it begins with was read, by the clock of `performance.now()`.
   * @param isReplaced Which entries are left out when the tag is written; one that others put back stays.
   */
  constructor(
    client: RegistryClient,
    repository: RepositoryName,
    tag: string,
    content: TagContent<Entry>,
    readAtMs: number,
    isReplaced: (entry: Entry) => boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#client = client
    this.#readAtMs = readAtMs
    this.#repository = repository
    this.#tag = tag
    this.#content = content
    this.#isReplaced = isReplaced
    this.#signal = signal
  }

  /**
   * Adds entries and sees them last.
   *
   * @param first What the tag held a moment ago.
   * @returns What the tag holds now.
   */
  async run(
    first: PulledManifest | undefined,
    additions: readonly Entry[],
  ): Promise<PulledManifest | undefined> {
    this.#learn(this.#content.entriesOf(first))
    this.#own = additions
    this.#known.push(...additions)
    await this.#write(first)
    let confirmations = 0
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      await pause(this.#settleMs(round), this.#signal)
      const found = await this.#read()
      const present = this.#content.entriesOf(found)
      this.#hasSeenOthers = this.#learn(present) || this.#hasSeenOthers
      if (this.#findMissing(present).length > 0) {
        this.#hasSeenOthers = true
        confirmations = 0
        await this.#write(found)
        continue
      }
      confirmations++
      const mayBeUndone = this.#hasSeenOthers && !this.#isConditional
      if (confirmations >= (mayBeUndone ? CONFIRMATIONS_AMONG_OTHERS : 1)) return found
    }
    throw new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `others kept changing ${this.#tag} for ${MAX_ROUNDS} rounds; what was added may be missing`,
      { hints: ['Do it again when fewer change it at the same time; it is not added twice.'] },
    )
  }

  /** What has to be put back. */
  #findMissing(present: readonly Entry[]): readonly Entry[] {
    const missing = this.#known.filter((entry) => !this.#includes(present, entry))
    for (const entry of missing) {
      if (!this.#own.includes(entry)) {
        this.#absences.set(entry, (this.#absences.get(entry) ?? 0) + 1)
      }
    }
    return missing.filter((entry) => this.#isWanted(entry))
  }

  #isWanted(entry: Entry): boolean {
    return (this.#absences.get(entry) ?? 0) <= MAX_RESTORATIONS
  }

  async #read(): Promise<PulledManifest | undefined> {
    const found = await this.#client.findManifest(this.#repository, this.#tag, this.#signal)
    this.#readAtMs = performance.now()
    return found
  }

  /** Writes all that is wanted or there, unless the tag is no longer what it was when `seen` was read. */
  async #write(seen: PulledManifest | undefined): Promise<void> {
    const present = this.#content.entriesOf(seen)
    const entries = this.#known.filter(
      (entry) => this.#isWanted(entry) || this.#includes(present, entry),
    )
    const encoded = this.#content.encode(entries, seen)
    if (encoded.config !== undefined) {
      await this.#client.blobs.upload(this.#repository, encoded.config, this.#signal)
    }
    const isFresh = performance.now() - this.#readAtMs < FRESH_MS
    const startedAt = isFresh ? this.#readAtMs : performance.now()
    // The time between this and the write is all that remains for another writer to come between.
    const now = isFresh ? seen : await this.#read()
    if (now?.digest !== seen?.digest) {
      this.#hasSeenOthers = true
      return
    }
    try {
      await this.#client.pushManifest(this.#repository, this.#tag, encoded, {
        ifMatch: now?.etag,
        ifNoneMatch: now === undefined ? '*' : undefined,
        // A repeated write might undo what another wrote after the first arrived.
        isRepeatable: false,
        signal: this.#signal,
      })
      this.#refusals = 0
    } catch (error) {
      if (!(await this.#forgetGone(error))) await this.#requireTemporary(error, now)
      // It may have been refused because the configuration is gone.
      if (encoded.config !== undefined) {
        this.#client.blobs.sendAgain(this.#repository, encoded.config)
      }
    }
    this.#longestWriteMs = Math.max(this.#longestWriteMs, performance.now() - startedAt)
  }

  /** Distribution 2.8 takes no list that names a removed manifest. @returns Whether the list is another one now. */
  async #forgetGone(error: unknown): Promise<boolean> {
    const { findGone } = this.#content
    if (findGone === undefined || !(error instanceof ChanceryError) || !saysUnknown(error)) {
      return false
    }
    const others = this.#known.filter((entry) => !this.#includes(this.#own, entry))
    const gone = await findGone(this.#client, this.#repository, others, this.#signal)
    this.#gone.push(...gone)
    const kept = this.#known.filter((entry) => !this.#includes(gone, entry))
    this.#known.splice(0, Infinity, ...kept)
    this.#hasSeenOthers = true
    return gone.length > 0
  }

  /** Lets those errors pass after which the next round finds out what happened. */
  async #requireTemporary(error: unknown, replaced: PulledManifest | undefined): Promise<void> {
    if (!(error instanceof ChanceryError) || this.#signal?.aborted === true) throw error
    if (await this.#isImmutable(error, replaced)) throw this.#immutable(error)
    if (error.code === 'ERR_REGISTRY_PRECONDITION') {
      this.#isConditional = true
      return
    }
    // Distribution 2.8 refuses, now and then, a manifest that is being pushed by another at the same moment.
    const mayPass =
      error.code === 'ERR_REGISTRY_UNAVAILABLE' || error.code === 'ERR_REGISTRY_REFUSED'
    if (!mayPass || ++this.#failures > MAX_FAILURES) throw error
  }

  /**
   * Whether it is the tag's being there that is refused. Registries say so with 400, 403, 405, 409 or 412; where the
   * words leave it open, the same refusal over an unchanged tag tells.
   */
  async #isImmutable(error: ChanceryError, replaced: PulledManifest | undefined): Promise<boolean> {
    const { code } = error
    const isRefusal =
      code === 'ERR_REGISTRY_REFUSED' ||
      code === 'ERR_REGISTRY_FORBIDDEN' ||
      code === 'ERR_REGISTRY_PRECONDITION'
    if (!isRefusal || replaced === undefined || saysUnknown(error)) return false
    const now = await this.#read()
    if (now?.digest !== replaced.digest) {
      this.#refusals = 0
      return false
    }
    // Blobs could be pushed a moment ago, so it is not pushing that is forbidden.
    if (code === 'ERR_REGISTRY_FORBIDDEN') return true
    // What the registry says decides here only how soon it is believed.
    if (SAYS_IMMUTABLE.test(error.message)) return true
    return ++this.#refusals >= MAX_REFUSALS
  }

  #immutable(cause: ChanceryError): ChanceryError {
    return new ChanceryError(
      'ERR_REGISTRY_IMMUTABLE_TAG',
      `${this.#repository.registry} does not let the tag ${this.#tag} be changed: ${cause.message}`,
      {
        cause,
        hints: [
          'Except tags that begin with "sha256-" from the immutability of the repository, or publish bundles alone ' +
            'where the registry has the referrers API.',
        ],
      },
    )
  }

  /** Long enough for another writer, about as slow as we are, to finish what it began before our write. */
  #settleMs(round: number): number {
    const settle = Math.max(MIN_SETTLE_MS, this.#longestWriteMs * 2)
    const spread = Math.min(round, 4) * MIN_SETTLE_MS * Math.random()
    return Math.min(settle, MAX_SETTLE_MS) + spread
  }

  /** True if there were entries not seen before. */
  #learn(entries: readonly Entry[]): boolean {
    const unknown = entries.filter(
      (entry) =>
        !this.#includes(this.#known, entry) &&
        !this.#includes(this.#gone, entry) &&
        !this.#isReplaced(entry),
    )
    this.#known.push(...unknown)
    return unknown.length > 0
  }

  #includes(entries: readonly Entry[], wanted: Entry): boolean {
    return entries.some((entry) => this.#content.isSame(entry, wanted))
  }
}
