import type { CodeEntry } from './code-table.ts'

/** The error codes of `cli/`. */
export const CLI_CODES = {
  ERR_CLI_USAGE: { kind: 'invalid', summary: 'The command line is not what the command expects' },
  ERR_CLI_NO_SERVER: { kind: 'invalid', summary: 'No server or organization is configured' },
  ERR_CLI_NO_TOKEN: { kind: 'unauthenticated', summary: 'No API token is configured' },
  ERR_CLI_FILE: { kind: 'invalid', summary: 'A local file cannot be read or written' },
  ERR_CLI_SIGNATURE_FILE: { kind: 'invalid', summary: 'A local file holds no signature' },
  ERR_CLI_FILE_EXISTS: { kind: 'conflict', summary: 'A file of that name is there already' },
  ERR_CLI_PASSWORD: {
    kind: 'invalid',
    summary: 'The password was not given twice in the same way',
  },
  ERR_CLI_OUTPUT: { kind: 'unavailable', summary: 'The output cannot be written' },
  ERR_CLI_NOT_FOUND: { kind: 'missing', summary: 'The server has no object of that name' },
  ERR_CLI_NOT_SIGNED: { kind: 'refused', summary: 'The signing request ended without a signature' },
  ERR_CLI_WAIT: { kind: 'unavailable', summary: 'The signing request is not finished yet' },
  ERR_CLI_AUDIT_BROKEN: { kind: 'refused', summary: 'The audit log does not hold together' },
  ERR_CLI_FSCK: { kind: 'refused', summary: 'The data directory does not hold together' },
  ERR_CLI_APPLY_FIXED: {
    kind: 'conflict',
    summary: 'The file asks for a change that an existing object cannot make',
  },
} as const satisfies Record<string, CodeEntry>
