import type { CodeEntry } from './code-table.ts'

/** The error codes of `audit/`. */
export const AUDIT_CODES = {
  ERR_AUDIT_QUERY: { kind: 'invalid', summary: 'The audit query is not one' },
  ERR_AUDIT_EXPORT: { kind: 'invalid', summary: 'Not an export of an audit log' },
} as const satisfies Record<string, CodeEntry>
