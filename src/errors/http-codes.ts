import type { CodeEntry } from './code-table.ts'

/** The error codes of `http/`. */
export const HTTP_CODES = {
  ERR_HTTP_INVALID: { kind: 'invalid', summary: 'One or more validation errors occurred.' },
  ERR_HTTP_MULTIPART: { kind: 'invalid', summary: 'Not a well-formed multipart/form-data body' },
  ERR_HTTP_HEADER: { kind: 'invalid', summary: 'A request header is malformed' },
  ERR_HTTP_MALFORMED: { kind: 'invalid', summary: 'Not a well-formed HTTP request' },
  ERR_HTTP_BODY_TOO_LARGE: {
    kind: 'invalid',
    summary: 'The body is larger than the server accepts',
    status: 413,
  },
  ERR_HTTP_MEDIA_TYPE: {
    kind: 'invalid',
    summary: 'The body is of a type this route does not read',
    status: 415,
  },
  ERR_HTTP_ORGANIZATION: {
    kind: 'denied',
    summary: 'The token does not belong to the organization in the path',
  },
  ERR_HTTP_NO_ROUTE: { kind: 'missing', summary: 'There is no such route' },
  ERR_HTTP_METHOD: {
    kind: 'invalid',
    summary: 'The route exists, but not for this method',
    status: 405,
  },
  ERR_HTTP_BUSY: { kind: 'unavailable', summary: 'Too many large bodies are here at the moment' },
  ERR_HTTP_LISTEN: {
    kind: 'unavailable',
    summary: 'The server cannot listen on the address that it was given',
  },
  ERR_HTTP_NOT_READY: { kind: 'unavailable', summary: 'The server cannot do its work now' },
} as const satisfies Record<string, CodeEntry>
