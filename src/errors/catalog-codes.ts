import type { CodeEntry } from './code-table.ts'

/** The error codes of `catalog/`. */
export const CATALOG_CODES = {} as const satisfies Record<string, CodeEntry>
