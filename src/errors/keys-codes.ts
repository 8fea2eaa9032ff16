import type { CodeEntry } from './code-table.ts'

/** The error codes of `keys/`. */
export const KEYS_CODES = {} as const satisfies Record<string, CodeEntry>
