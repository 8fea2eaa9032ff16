import type { CodeEntry } from './code-table.ts'

/** The error codes of `signing/`. */
export const SIGNING_CODES = {
  ERR_SIGNING_INPUT: {
    kind: 'invalid',
    summary: 'The submission is not what the contract asks for',
  },
  ERR_SIGNING_UNKNOWN: {
    kind: 'invalid',
    summary: 'The submission names something that does not exist',
  },
  ERR_SIGNING_INACTIVE: {
    kind: 'invalid',
    summary: 'The submission names something that is disabled',
  },
  ERR_SIGNING_CERTIFICATE: {
    kind: 'invalid',
    summary: 'The certificate of the signing policy cannot sign now',
  },
  ERR_SIGNING_HASH_NOT_ALLOWED: {
    kind: 'refused',
    summary: 'The signing policy does not allow hashes',
  },
  ERR_SIGNING_IDEMPOTENCY: {
    kind: 'conflict',
    summary: 'The idempotency key was used for another submission',
  },
  ERR_SIGNING_MISSING: { kind: 'missing', summary: 'There is no such signing request' },
  ERR_SIGNING_STATE: {
    kind: 'conflict',
    summary: 'The signing request is not in a state for this',
  },
  ERR_SIGNING_OWN_REQUEST: {
    kind: 'denied',
    summary: 'Nobody decides on a request of their own',
  },
  ERR_SIGNING_NOT_COMPLETED: {
    kind: 'invalid',
    summary: 'The signed artifact is not there yet, or never will be',
  },
  ERR_SIGNING_ARTIFACT_MISSING: {
    kind: 'missing',
    summary: 'The signing request has no such file',
  },
  ERR_SIGNING_ARTIFACT_DELETED: {
    kind: 'missing',
    summary: 'The artifacts were deleted after their retention time',
  },
  ERR_SIGNING_ARTIFACT_DIFFERS: {
    kind: 'invalid',
    summary: 'The uploaded bytes are not the announced ones',
  },
  ERR_SIGNING_EXAMINATION: {
    kind: 'refused',
    summary: 'The examination took more time or memory than there is',
  },
  ERR_SIGNING_BUSY: { kind: 'unavailable', summary: 'Too much is to be examined at the moment' },
} as const satisfies Record<string, CodeEntry>
