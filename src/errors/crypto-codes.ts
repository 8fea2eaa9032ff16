import type { CodeEntry } from './code-table.ts'

/** The error codes of `crypto/`. */
export const CRYPTO_CODES = {} as const satisfies Record<string, CodeEntry>
