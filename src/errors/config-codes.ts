import type { CodeEntry } from './code-table.ts'

/** The error codes of `config/`. */
export const CONFIG_CODES = {} as const satisfies Record<string, CodeEntry>
