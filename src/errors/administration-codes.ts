import type { CodeEntry } from './code-table.ts'

/** The error codes of `administration/`. */
export const ADMINISTRATION_CODES = {} as const satisfies Record<string, CodeEntry>
