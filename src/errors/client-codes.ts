import type { CodeEntry } from './code-table.ts'

/** The error codes of `client/`. */
export const CLIENT_CODES = {} as const satisfies Record<string, CodeEntry>
