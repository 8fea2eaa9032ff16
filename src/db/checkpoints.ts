import type Database from 'better-sqlite3'
import { Worker } from 'node:worker_threads'

/*
 * Numbers of pages of 4 KiB. The write-ahead log begins again at its start only when all of it is in the database and
 * nobody writes to it: the other thread comes close to its end, and the writer does the few pages that are left.
 */

/** What is worth a pass of the other thread. */
const PASS_PAGES = 3000
/** From here on the log is to begin again: 47 MiB. The rarer, the fewer commits wait for the writer's own part. */
const RESTART_PAGES = 12_000
/** So few that the writer does them itself: some milliseconds. */
const FEW_PAGES = 200
/** From here on the writer does whatever is left, so that the log stays small: 64 MiB. */
const MAX_PAGES = 16_000

const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './checkpoint-thread.ts' : './checkpoint-thread.cjs',
  import.meta.url,
)

/** How much is in the write-ahead log, and how much of that is in the database, too; both in pages. */
interface Progress {
  readonly log: number
  readonly checkpointed: number
}

/** What the checkpoint thread is started with. */
export interface CheckpointThreadData {
  /** Of the database. */
  readonly path: string
}

/**
 * Copies the write-ahead log into the database, most of it in a thread of its own while commits go on. That thread is
 * started when there is enough to copy, and ended when the store rests. A failure costs nothing: what is not copied stays in the log, is found there by
 * every reader, and is copied later.
 */
export class Checkpoints {
  readonly #database: Database.Database
  #worker: Worker | undefined
  /** Resolved when no thread is left of those that were told to end. */
  #ended: Promise<unknown> = Promise.resolve()
  #isPassing = false
  /** The size of the log at which the writer tries again, after it could not copy all of it. */
  #retryAt = 0

  /** @param database The writer's. */
  constructor(database: Database.Database) {
    this.#database = database
  }

  /** To be called between commits. Takes some microseconds, rarely milliseconds. */
  advance(): void {
    try {
      this.#advance(this.#run('NOOP'))
    } catch {
      // The disk's answer to the next commit is the one that counts.
    }
  }

  /** Ends the thread, after the pass that it is in. Closing the last connection copies what is left. */
  async close(): Promise<void> {
    this.#end()
    await this.#ended
  }

  /** Ends the thread, unless it is at work: the next pass starts another. */
  rest(): void {
    if (!this.#isPassing) this.#end()
  }

  #advance({ log, checkpointed }: Progress): void {
    const left = log - checkpointed
    const isLong = log >= RESTART_PAGES
    if (log < this.#retryAt - FEW_PAGES) this.#retryAt = 0
    const isOwn = log >= MAX_PAGES || (isLong && left <= FEW_PAGES)
    if (isOwn && left > 0 && log >= this.#retryAt) {
      this.#run('PASSIVE')
      this.#retryAt = log + FEW_PAGES
    } else if (left >= (isLong ? FEW_PAGES : PASS_PAGES) && !this.#isPassing) {
      this.#isPassing = true
      this.#worker ??= this.#start()
      this.#worker.postMessage('pass')
    }
  }

  #run(mode: 'NOOP' | 'PASSIVE'): Progress {
    const [progress] = this.#database.pragma(`wal_checkpoint(${mode})`) as readonly Progress[]
    return progress ?? { log: 0, checkpointed: 0 }
  }

  #end(): void {
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    this.#ended = Promise.all([this.#ended, exited])
    worker.postMessage('close')
  }

  #start(): Worker {
    const workerData: CheckpointThreadData = { path: this.#database.name }
    const worker = new Worker(THREAD, {
      workerData,
      name: 'chancery-checkpoints',
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
    })
    worker.on('message', () => (this.#isPassing = false))
    // Without the thread the writer copies by itself at the largest size.
    worker.on('error', () => undefined)
    worker.once('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#isPassing = true
    })
    return worker
  }
}
