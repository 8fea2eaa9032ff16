import type { CodeEntry } from './code-table.ts'

/** The error codes of `policy/`. */
export const POLICY_CODES = {} as const satisfies Record<string, CodeEntry>
