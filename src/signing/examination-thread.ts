import { parentPort } from 'node:worker_threads'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { findIn, type ExaminationTask, type Finding } from './examination.ts'

/** What the thread answers to a task: what it found, or what it threw, which a class does not survive. */
export type ThreadAnswer =
  | { readonly kind: 'found'; readonly finding: Finding }
  | {
      readonly kind: 'refused'
      readonly code: ErrorCode
      readonly message: string
      readonly hints: readonly string[]
      readonly field: string | undefined
    }
  | { readonly kind: 'bug'; readonly error: unknown }

function answerTo(task: ExaminationTask): ThreadAnswer {
  try {
    return { kind: 'found', finding: findIn(task) }
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) return { kind: 'bug', error: thrown }
    const { code, message, hints, field } = thrown
    return { kind: 'refused', code, message, hints, field }
  }
}

parentPort?.on('message', (task: ExaminationTask) => {
  parentPort?.postMessage(answerTo(task))
})
