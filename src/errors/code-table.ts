import type { ErrorKind } from './chancery-error.ts'

/** One row of the table of error codes. */
export interface CodeEntry {
  readonly kind: ErrorKind
  /** One sentence for the reference page and the problem document's `title`. */
  readonly summary: string
  /** The HTTP status, where it is not the kind's usual one. */
  readonly status?: number
}
