import type { CodeEntry } from './code-table.ts'

/** The error codes of `registry/`. */
export const REGISTRY_CODES = {
  ERR_REGISTRY_UNAUTHORIZED: {
    kind: 'unauthenticated',
    summary: 'The registry wants a credential, or does not accept the one it got',
  },
  ERR_REGISTRY_FORBIDDEN: { kind: 'denied', summary: 'The registry does not allow this' },
  ERR_REGISTRY_NOT_FOUND: { kind: 'missing', summary: 'The registry has no such thing' },
  ERR_REGISTRY_UNAVAILABLE: { kind: 'unavailable', summary: 'The registry does not answer' },
  ERR_REGISTRY_BAD_ANSWER: {
    kind: 'unavailable',
    summary: 'What answered does not speak the distribution protocol',
    status: 502,
  },
  ERR_REGISTRY_TOO_LARGE: { kind: 'invalid', summary: 'The registry sent more than is accepted' },
  ERR_REGISTRY_CONTENT: {
    kind: 'refused',
    summary: 'What the registry holds under this name is not what it has to be',
  },
  ERR_REGISTRY_ATTACHED_SIZE: {
    kind: 'invalid',
    summary: 'More belongs to the image than is read of one image',
  },
  ERR_REGISTRY_DIGEST: { kind: 'refused', summary: 'The bytes are not those of the digest' },
  ERR_REGISTRY_REDIRECT: {
    kind: 'refused',
    summary: 'The registry pointed to a place that is not followed',
  },
  ERR_REGISTRY_REFUSED: { kind: 'invalid', summary: 'The registry refused the request' },
  ERR_REGISTRY_PRECONDITION: {
    kind: 'conflict',
    summary: 'What the registry holds was changed meanwhile',
  },
  ERR_REGISTRY_NO_DELETE: {
    kind: 'conflict',
    summary: 'The registry removes nothing',
  },
  ERR_REGISTRY_IMMUTABLE_TAG: {
    kind: 'conflict',
    summary: 'The registry does not let a tag be changed that has to be',
  },
  ERR_REGISTRY_REFERRER: {
    kind: 'refused',
    summary: 'What is listed as a referrer of a manifest is none',
  },
  ERR_REGISTRY_EXISTS: {
    kind: 'conflict',
    summary: 'The destination holds another image under this name',
  },
  ERR_REGISTRY_INCOMPLETE: {
    kind: 'refused',
    summary: 'The destination does not have all that the source has',
  },
  ERR_REGISTRY_LAYOUT: {
    kind: 'invalid',
    summary: 'Not an OCI image layout, or not clear which image of it is meant',
  },
  ERR_REGISTRY_NO_TLS: {
    kind: 'unavailable',
    summary: 'The registry does not speak TLS, and plain http to it was not allowed',
  },
  ERR_REGISTRY_CERTIFICATE: {
    kind: 'refused',
    summary: 'The TLS certificate of the registry is not trusted',
  },
  ERR_REGISTRY_CREDENTIALS: {
    kind: 'invalid',
    summary: 'The credentials for registries cannot be read',
  },
  ERR_REGISTRY_CONFIGURATION: {
    kind: 'invalid',
    summary: 'The file registries.conf cannot be used',
  },
  ERR_REGISTRY_BLOCKED: {
    kind: 'denied',
    summary: 'The file registries.conf forbids the use of this registry',
  },
  ERR_REGISTRY_PROXY: {
    kind: 'invalid',
    summary: 'The proxy that the environment names cannot be used',
  },
  ERR_REGISTRY_INDEX: {
    kind: 'refused',
    summary: 'The index holds more, or other things, than images that can be walked through',
  },
  ERR_REGISTRY_SIGNATURES: {
    kind: 'conflict',
    summary: 'The tag for signatures holds something that is not signatures, or too many of them',
  },
} as const satisfies Record<string, CodeEntry>
