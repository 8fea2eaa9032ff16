import type { CodeEntry } from './code-table.ts'

/** The error codes of `x509/`. */
export const X509_CODES = {} as const satisfies Record<string, CodeEntry>
