import type { CodeEntry } from './code-table.ts'

/** The error codes of `identity/`. */
export const IDENTITY_CODES = {
  ERR_IDENTITY_UNAUTHENTICATED: {
    kind: 'unauthenticated',
    summary: 'No API token, or one that is not accepted',
  },
} as const satisfies Record<string, CodeEntry>
