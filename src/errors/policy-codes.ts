import type { CodeEntry } from './code-table.ts'

/** The error codes of `policy/`. */
export const POLICY_CODES = {
  ERR_POLICY_FORBIDDEN: { kind: 'denied', summary: 'The user does not have the right it takes' },
  ERR_POLICY_OWN_RIGHTS: {
    kind: 'denied',
    summary: 'Nobody can give themselves a right they do not have',
  },
  ERR_POLICY_CONFIGURATION: { kind: 'invalid', summary: 'Not a usable artifact configuration' },
  ERR_POLICY_PARAMETER: {
    kind: 'invalid',
    summary: 'The parameters are not those of the artifact configuration',
  },
  ERR_POLICY_ARTIFACT: {
    kind: 'invalid',
    summary: 'The artifact does not match the artifact configuration',
  },
  ERR_POLICY_TEMPLATE: { kind: 'missing', summary: 'There is no such predefined template' },
  ERR_POLICY_IMAGE_PATTERN: { kind: 'invalid', summary: 'Not a rule for allowed images' },
} as const satisfies Record<string, CodeEntry>
