import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ExaminationTask, Finding } from './examination.ts'
import type { ThreadAnswer } from './examination-thread.ts'
import { FairQueue } from './fair-queue.ts'

/** How far an examination may go; each has a default. */
export interface ExaminerLimits {
  /** How long the thread may take for one artifact; 60 s. */
  readonly timeoutMs?: number
  /** Of the thread's heap, without the bytes of the artifact; 1,024 MB. Statements of 14 MB took 350 at most, but for
   * nothing but arrays nested in each other, of which 10 MB pass and 14 do not. */
  readonly maxHeapMb?: number
  /** How long the thread stays when there is nothing to do; 30 s. */
  readonly idleMs?: number
  /** How many artifacts of one organization may wait; 64. */
  readonly maxWaiting?: number
  /** How many bytes they may have together; 128 MiB. A single one may have more. */
  readonly maxWaitingBytes?: number
}

interface Waiting {
  readonly task: ExaminationTask
  readonly resolve: (finding: Finding) => void
  readonly reject: (reason: Error) => void
}

const COPIED_SLICE_BYTES = 8 * 1024 * 1024
/** Of the thread: what it makes lives no longer than an examination. */
const YOUNG_GENERATION_MB = 16

const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './examination-thread.ts' : './examination-thread.cjs',
  import.meta.url,
)

/**
 * Examines artifacts on another thread, one at a time, so that nobody else waits for what a stranger's document takes.
 * Organizations take turns. The thread starts when there is something to do, and ends some time after that.
 */
export class Examiner implements AsyncDisposable {
  readonly #limits: Required<ExaminerLimits>
  readonly #queue = new FairQueue<Waiting>()
  #thread: Worker | undefined
  #current: Waiting | undefined
  /** Whether the thread has what is examined: before that, it takes nothing with it when it ends. */
  #isSent = false
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(limits: ExaminerLimits = {}) {
    this.#limits = {
      timeoutMs: 60_000,
      maxHeapMb: 1024,
      idleMs: 30_000,
      maxWaiting: 64,
      maxWaitingBytes: 128 * 1024 * 1024,
      ...limits,
    }
  }

  /**
   * Finds what `findIn` finds.
   *
   * @param organizationId Whose turn it takes.
   * @param task Its bytes must not change meanwhile; the thread works on a copy.
   * @throws ChanceryError what `findIn` throws.
   * @throws ChanceryError ERR_SIGNING_EXAMINATION if it takes more time or memory than there is, or ends the thread.
   * @throws ChanceryError ERR_SIGNING_BUSY if too much of the organization waits already, or no thread can be started.
   */
  examine(organizationId: string, task: ExaminationTask): Promise<Finding> {
    if (this.#isClosed) return Promise.reject(busy('the server is stopping'))
    if (!this.#hasRoom(organizationId, task)) {
      return Promise.reject(busy('the organization has too many large artifacts waiting already'))
    }
    return new Promise((resolve, reject) => {
      this.#queue.add(organizationId, { task, resolve, reject })
      if (this.#current === undefined) this.#startNext()
    })
  }

  /** Refuses what waits, and ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (let next = this.#queue.take(); next !== undefined; next = this.#queue.take()) {
      next.reject(busy('the server is stopping'))
    }
    const ended = this.#dismiss()
    this.#fail(busy('the server is stopping'))
    await ended
  }

  #hasRoom(organizationId: string, { artifact }: ExaminationTask): boolean {
    const waiting = this.#queue.of(organizationId)
    if (waiting.length === 0) return true
    const { maxWaiting, maxWaitingBytes } = this.#limits
    let bytes = artifact.bytes.length
    for (const { task } of waiting) bytes += task.artifact.bytes.length
    return waiting.length < maxWaiting && bytes <= maxWaitingBytes
  }

  #startNext(): void {
    clearTimeout(this.#timer)
    this.#isSent = false
    this.#current = this.#queue.take()
    if (this.#current !== undefined) {
      void this.#send(this.#current)
      return
    }
    this.#timer = setTimeout(() => void this.#dismiss(), this.#limits.idleMs)
    this.#timer.unref()
  }

  /** Ends the thread, and does not hear of it any more. */
  async #dismiss(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.terminate()
  }

  async #send(waiting: Waiting): Promise<void> {
    const { task } = waiting
    try {
      const bytes = await copyOf(task.artifact.bytes)
      if (waiting !== this.#current) return
      this.#thread ??= this.#start()
      this.#thread.postMessage({ ...task, artifact: { ...task.artifact, bytes } }, [bytes.buffer])
      this.#isSent = true
    } catch (error) {
      if (waiting === this.#current) this.#fail(busy('there is no memory for it', error))
      return
    }
    const { timeoutMs } = this.#limits
    this.#timer = setTimeout(() => {
      void this.#dismiss()
      this.#fail(lost(`expected an artifact that is examined within ${timeoutMs / 1000} s`))
    }, timeoutMs)
  }

  #start(): Worker {
    const { maxHeapMb } = this.#limits
    const thread = new Worker(THREAD, {
      name: 'chancery-examination',
      resourceLimits: {
        maxOldGenerationSizeMb: maxHeapMb,
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      },
    })
    thread.unref()
    let isOnline = false
    // Of a thread that was given up, nothing is heard any more.
    const end = (reason: Error): void => {
      if (thread === this.#thread) this.#end(reason)
    }
    thread.once('online', () => {
      isOnline = true
    })
    thread.on('message', (answer: ThreadAnswer) => {
      if (thread === this.#thread) this.#settle(answer)
    })
    thread.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        end(lost(`expected an artifact that is examined in ${maxHeapMb} MB of memory`))
      } else {
        end(isOnline ? lost(ENDED, error) : busy('the thread that examines does not start', error))
      }
    })
    thread.on('exit', () => end(lost(ENDED)))
    return thread
  }

  #settle(answer: ThreadAnswer): void {
    clearTimeout(this.#timer)
    const settled = this.#current
    this.#startNext()
    if (answer.kind === 'found') settled?.resolve(answer.finding)
    else settled?.reject(errorOf(answer))
  }

  /** After the thread has ended: gives up what it was doing; the next artifact gets a new one. */
  #end(reason: Error): void {
    this.#thread = undefined
    if (this.#isSent) this.#fail(reason)
  }

  #fail(reason: Error): void {
    const settled = this.#current
    this.#startNext()
    settled?.reject(reason)
  }
}

const ENDED = 'expected an artifact that can be examined; the thread that did so ended'

/** A copy that nothing else refers to; other work runs between its parts. */
async function copyOf(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const copy = new Uint8Array(bytes.length)
  for (let at = 0; at < bytes.length; at += COPIED_SLICE_BYTES) {
    copy.set(bytes.subarray(at, at + COPIED_SLICE_BYTES), at)
    await setImmediate()
  }
  return copy
}

function errorOf(answer: Exclude<ThreadAnswer, { kind: 'found' }>): Error {
  if (answer.kind === 'bug') return new Error('the examination failed', { cause: answer.error })
  const { code, message, hints, field } = answer
  return new ChanceryError(code, message, { hints, ...(field === undefined ? {} : { field }) })
}

function lost(message: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_SIGNING_EXAMINATION', `${message}; nothing was signed`, {
    cause,
    hints: ['Submit less at once, or documents with fewer members.'],
  })
}

function busy(reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_SIGNING_BUSY', `the artifact cannot be examined now: ${reason}`, {
    cause,
    hints: ['send it again in some seconds'],
  })
}
