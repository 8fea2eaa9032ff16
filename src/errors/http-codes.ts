import type { CodeEntry } from './code-table.ts'

/** The error codes of `http/`. */
export const HTTP_CODES = {} as const satisfies Record<string, CodeEntry>
