import type { SigningPlan } from '../policy/signing-plan.ts'

/** Plans whose files have more bytes than this together are read in the background, and signed after the answer. */
const MAX_BYTES_AT_ONCE = 16 * 1024 * 1024

/** Whether reading a plan's files takes so long that other requests would notice. */
export function isLarge(plan: Pick<SigningPlan, 'size'>): boolean {
  return plan.size > MAX_BYTES_AT_ONCE
}

let last: Promise<unknown> = Promise.resolve()

/**
 * Runs work on a large plan after all earlier such work: the contents of only one of them are in memory at a time.
 *
 * @throws What the work throws.
 */
export function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
  const result = last.then(work)
  last = result.catch(() => undefined)
  return result
}
