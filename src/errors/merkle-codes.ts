import type { CodeEntry } from './code-table.ts'

/** The error codes of `merkle/`. */
export const MERKLE_CODES = {
  ERR_MERKLE_PROOF: { kind: 'refused', summary: 'Not a proof for a tree of this size' },
} as const satisfies Record<string, CodeEntry>
