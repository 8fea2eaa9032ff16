import type { CodeEntry } from './code-table.ts'

/** The error codes of `crypto/`. */
export const CRYPTO_CODES = {
  ERR_CRYPTO_SCHEME: { kind: 'invalid', summary: 'The key cannot sign in the way that was asked' },
  ERR_CRYPTO_SIGNATURE: { kind: 'refused', summary: 'The signature does not verify' },
  ERR_CRYPTO_KEY: { kind: 'invalid', summary: 'Not a key that Chancery can use' },
  ERR_CRYPTO_SEAL: {
    kind: 'refused',
    summary: 'Sealed data does not open: another key, or it was changed',
  },
} as const satisfies Record<string, CodeEntry>
