import type { CodeEntry } from './code-table.ts'

/** The error codes of `db/`. */
export const DB_CODES = {} as const satisfies Record<string, CodeEntry>
