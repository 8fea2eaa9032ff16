import type { CodeEntry } from './code-table.ts'

/** The error codes of `audit/`. */
export const AUDIT_CODES = {} as const satisfies Record<string, CodeEntry>
