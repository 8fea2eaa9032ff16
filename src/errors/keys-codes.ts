import type { CodeEntry } from './code-table.ts'

/** The error codes of `keys/`. */
export const KEYS_CODES = {
  ERR_KEYS_MISSING: { kind: 'missing', summary: 'The key store has no such key' },
  ERR_KEYS_UNAVAILABLE: { kind: 'unavailable', summary: 'The key store cannot use the key now' },
  ERR_KEYS_MASTER_KEY: {
    kind: 'denied',
    summary: 'The master key is not the one that this data directory was created with',
  },
  ERR_KEYS_MASTER_KEY_SOURCE: {
    kind: 'invalid',
    summary: 'The master key cannot be read, or is kept where it must not be',
  },
  ERR_KEYS_MASTER_KEY_EXISTS: {
    kind: 'conflict',
    summary: 'The data directory already belongs to a master key',
  },
  ERR_KEYS_FILE: { kind: 'invalid', summary: 'Not a private key file that Chancery reads' },
  ERR_KEYS_PASSPHRASE: {
    kind: 'invalid',
    summary: 'The private key file does not open with this passphrase',
  },
} as const satisfies Record<string, CodeEntry>
