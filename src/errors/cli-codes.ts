import type { CodeEntry } from './code-table.ts'

/** The error codes of `cli/`. */
export const CLI_CODES = {} as const satisfies Record<string, CodeEntry>
