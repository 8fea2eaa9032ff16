import type { CodeEntry } from './code-table.ts'

/** The error codes of `catalog/`. */
export const CATALOG_CODES = {
  ERR_CATALOG_CORRUPT: {
    kind: 'unavailable',
    summary: 'The stored configuration cannot be read',
  },
  ERR_CATALOG_MISSING: { kind: 'missing', summary: 'No such configured object' },
  ERR_CATALOG_DUPLICATE: { kind: 'conflict', summary: 'The name or slug is taken' },
  ERR_CATALOG_CHANGED: {
    kind: 'conflict',
    summary: 'The configured object was changed by somebody else meanwhile',
  },
} as const satisfies Record<string, CodeEntry>
