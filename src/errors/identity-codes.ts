import type { CodeEntry } from './code-table.ts'

/** The error codes of `identity/`. */
export const IDENTITY_CODES = {} as const satisfies Record<string, CodeEntry>
