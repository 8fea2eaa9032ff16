import type { CodeEntry } from './code-table.ts'

/** The error codes of `signing/`. */
export const SIGNING_CODES = {} as const satisfies Record<string, CodeEntry>
