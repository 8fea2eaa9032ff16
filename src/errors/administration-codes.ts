import type { CodeEntry } from './code-table.ts'

/** The error codes of `administration/`. */
export const ADMINISTRATION_CODES = {
  ERR_ADMINISTRATION_VALUE: { kind: 'invalid', summary: 'Not a value that can be configured' },
  ERR_ADMINISTRATION_REFERENCE: {
    kind: 'invalid',
    summary: 'The configuration names something the organization does not have',
  },
  ERR_ADMINISTRATION_INACTIVE: {
    kind: 'conflict',
    summary: 'The configuration would newly use something inactive',
  },
  ERR_ADMINISTRATION_IN_USE: { kind: 'conflict', summary: 'The object is still needed' },
  ERR_ADMINISTRATION_LAST_ADMINISTRATOR: {
    kind: 'conflict',
    summary: 'The organization would lose its last Global Administrator',
  },
  ERR_ADMINISTRATION_FOUNDED: { kind: 'conflict', summary: 'The authority exists already' },
  ERR_ADMINISTRATION_NO_CERTIFICATE: {
    kind: 'missing',
    summary: 'The key has no such certificate or request',
  },
} as const satisfies Record<string, CodeEntry>
