import type { CodeEntry } from './code-table.ts'

/** The error codes of `db/`. */
export const DB_CODES = {
  ERR_DB_EXISTS: { kind: 'conflict', summary: 'The data directory holds an authority already' },
  ERR_DB_MISSING: { kind: 'missing', summary: 'The data directory holds no authority' },
  ERR_DB_LOCKED: { kind: 'unavailable', summary: 'Another process uses the data directory' },
  ERR_DB_FOREIGN: {
    kind: 'invalid',
    summary: 'The database is not one of this version of Chancery',
  },
  ERR_DB_CONFLICT: { kind: 'conflict', summary: 'The object was changed meanwhile' },
  ERR_DB_DUPLICATE: { kind: 'conflict', summary: 'A unique value exists already' },
  ERR_DB_AUDIT_END: {
    kind: 'unavailable',
    summary: 'The end of an audit log is not the one that was sealed',
  },
  ERR_DB_UNAVAILABLE: { kind: 'unavailable', summary: 'The store cannot be written' },
} as const satisfies Record<string, CodeEntry>
