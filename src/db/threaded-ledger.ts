import { Worker } from 'node:worker_threads'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeAuditRecord } from './audit-chain.ts'
import type { AuditEvent, Change, Ledger, Statement } from './ledger.ts'
import { packBatch, unpackOutcomes, type PackedOutcomes } from './packed-batch.ts'
import type { EncodedChange, EncodedEvent, Outcome } from './store-writer.ts'
import type { Refusal, WriterThreadData } from './writer-thread.ts'

interface Waiting {
  readonly change: EncodedChange
  readonly resolve: (numbers: readonly number[]) => void
  readonly reject: (reason: Error) => void
}

/** Changes that one commit takes at most; more wait for the next. */
const MAX_BATCH = 512

/** What is new in the thread's heap lives no longer than a batch. */
const YOUNG_GENERATION_MB = 6

const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.cjs',
  import.meta.url,
)

/**
 * The ledger whose writer is a thread. While it commits one batch, changes queue up and make the next one: the busier
 * it is, the more changes share an fsync, without any timer.
 */
export class ThreadedLedger implements Ledger {
  readonly #worker: Worker
  readonly #texts = new Map<string, number>()
  #newTexts: string[] = []
  #queue: Waiting[] = []
  #inFlight: readonly Waiting[] | undefined
  #stopped: Error | undefined
  #isClosing = false
  #commits = 0
  readonly #exited: Promise<void>

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (outcomes: PackedOutcomes) => this.#settle(unpackOutcomes(outcomes)))
    worker.on('error', (error: Error) => this.#stop(error))
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#stop(new Error('the writer thread has ended'))
        resolve()
      })
    })
  }

  /**
   * Starts the writer thread on an existing database.
   *
   * @throws ChanceryError as `openForWriting`.
   */
  static async start(data: WriterThreadData): Promise<ThreadedLedger> {
    const worker = new Worker(THREAD, {
      workerData: data,
      name: 'chancery-writer',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    const refusal = await new Promise<Refusal | null>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', (message: Refusal | null) => {
        worker.off('error', reject)
        resolve(message)
      })
    })
    if (refusal === null) return new ThreadedLedger(worker)
    const { code, message, hints } = refusal
    throw new ChanceryError(code, message, { hints })
  }

  /** How many commits (each with its fsync) were made since the start. */
  get commits(): number {
    return this.#commits
  }

  commit(change: Change): Promise<readonly number[]> {
    if (change.events.length === 0) throw new Error('a change without an audit event')
    return this.#enqueue(change.statements, change.events.map(encodeEvent))
  }

  async note(statements: readonly Statement[]): Promise<void> {
    await this.#enqueue(statements, [])
  }

  /** Has the thread give back what memory only work needs, after the changes that are queued. */
  rest(): void {
    if (this.#stopped === undefined) this.#worker.postMessage('rest')
  }

  /** Refuses new changes, commits those that are queued, then ends the thread. */
  close(): Promise<void> {
    this.#isClosing = true
    if (this.#inFlight === undefined) this.#end()
    return this.#exited
  }

  #end(): void {
    this.#stopped ??= new Error('the ledger is closed')
    this.#worker.postMessage('close')
  }

  #enqueue(
    statements: readonly Statement[],
    events: readonly EncodedEvent[],
  ): Promise<readonly number[]> {
    if (this.#stopped !== undefined) return Promise.reject(unavailable(this.#stopped))
    if (this.#isClosing) return Promise.reject(unavailable(new Error('the ledger is closing')))
    const change = {
      statements: statements.map(
        ({ sql, parameters, expectChanges }) =>
          [this.#textNumber(sql), parameters, expectChanges ?? -1] as const,
      ),
      events,
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve, reject })
      if (this.#inFlight === undefined) this.#send()
    })
  }

  #textNumber(sql: string): number {
    const known = this.#texts.get(sql)
    if (known !== undefined) return known
    const number = this.#texts.size
    this.#texts.set(sql, number)
    this.#newTexts.push(sql)
    return number
  }

  #send(): void {
    const batch = this.#queue.length > MAX_BATCH ? this.#queue.slice(0, MAX_BATCH) : this.#queue
    this.#queue = this.#queue.length > MAX_BATCH ? this.#queue.slice(MAX_BATCH) : []
    this.#inFlight = batch
    const packed = packBatch({
      texts: this.#newTexts,
      changes: batch.map(({ change }) => change),
    })
    this.#newTexts = []
    this.#worker.postMessage(packed, [packed.bytes.buffer])
  }

  #settle(outcomes: readonly Outcome[]): void {
    const batch = this.#inFlight ?? []
    this.#inFlight = undefined
    this.#commits += 1
    if (this.#queue.length > 0) this.#send()
    else if (this.#isClosing) this.#end()
    batch.forEach((waiting, index) => {
      const outcome = outcomes[index]
      if (outcome !== undefined && 'numbers' in outcome) waiting.resolve(outcome.numbers)
      else waiting.reject(errorOf(outcome))
    })
  }

  #stop(error: Error): void {
    this.#stopped ??= error
    const abandoned = [...(this.#inFlight ?? []), ...this.#queue]
    this.#inFlight = undefined
    this.#queue = []
    for (const { reject } of abandoned) reject(unavailable(error))
  }
}

function encodeEvent(event: AuditEvent): EncodedEvent {
  const { organizationId, at, type, actorId, objectId } = event
  return { organizationId, at, type, actorId, objectId, record: encodeAuditRecord(event) }
}

function errorOf(outcome: Exclude<Outcome, { numbers: unknown }> | undefined): Error {
  if (outcome === undefined || outcome.code === 'BUG') {
    return new Error(`the writer failed: ${outcome?.message ?? 'no answer'}`)
  }
  if (outcome.code === 'ERR_DB_UNAVAILABLE') return unavailable(new Error(outcome.message))
  return new ChanceryError(outcome.code, outcome.message)
}

function unavailable(cause: Error): ChanceryError {
  return new ChanceryError(
    'ERR_DB_UNAVAILABLE',
    'the store cannot be written at the moment; nothing was changed and nothing was signed',
    { cause, hints: ['the operator finds the reason in the log: a full or failing disk'] },
  )
}
