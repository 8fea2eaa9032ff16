import type { CodeEntry } from './code-table.ts'

/** The error codes of `client/`. Those of the server keep their own names; the ones by status stand for names we do not know. */
export const CLIENT_CODES = {
  ERR_CLIENT_URL: { kind: 'invalid', summary: 'The server URL cannot be used' },
  ERR_CLIENT_TOKEN: { kind: 'invalid', summary: 'The API token is malformed' },
  ERR_CLIENT_UNREACHABLE: { kind: 'unavailable', summary: 'The server cannot be reached' },
  ERR_CLIENT_TIMEOUT: { kind: 'unavailable', summary: 'The server did not answer in time' },
  ERR_CLIENT_RESPONSE: { kind: 'unavailable', summary: 'The answer is not one of Chancery' },
  ERR_CLIENT_TOO_LARGE: { kind: 'unavailable', summary: 'The answer is larger than allowed' },
  ERR_CLIENT_REFUSED: { kind: 'refused', summary: 'The server refused (422)' },
  ERR_CLIENT_INVALID: { kind: 'invalid', summary: 'The server found the call malformed (4xx)' },
  ERR_CLIENT_UNAUTHENTICATED: {
    kind: 'unauthenticated',
    summary: 'The server does not accept the token (401)',
  },
  ERR_CLIENT_DENIED: { kind: 'denied', summary: 'The server does not allow the call (403)' },
  ERR_CLIENT_MISSING: { kind: 'missing', summary: 'The server has no such object (404, 410)' },
  ERR_CLIENT_CONFLICT: { kind: 'conflict', summary: 'The object is in another state (409, 412)' },
  ERR_CLIENT_UNAVAILABLE: {
    kind: 'unavailable',
    summary: 'The server failed or is busy (429, 5xx)',
  },
} as const satisfies Record<string, CodeEntry>
