import type { CodeEntry } from './code-table.ts'

/** The error codes of `registry/`. */
export const REGISTRY_CODES = {} as const satisfies Record<string, CodeEntry>
