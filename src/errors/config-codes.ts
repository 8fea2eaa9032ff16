import type { CodeEntry } from './code-table.ts'

/** The error codes of `config/`. */
export const CONFIG_CODES = {
  ERR_CONFIG_VALUE: { kind: 'invalid', summary: 'A setting has a value that cannot be used' },
  ERR_CONFIG_LOGIN: { kind: 'invalid', summary: 'The stored login cannot be used' },
  ERR_CONFIG_YAML: { kind: 'invalid', summary: 'chancery.yaml is not what it should be' },
} as const satisfies Record<string, CodeEntry>
