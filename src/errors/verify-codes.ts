import type { CodeEntry } from './code-table.ts'

/** The error codes of `verify/`. */
export const VERIFY_CODES = {
  ERR_VERIFY_SIGNATURE_TEXT: { kind: 'refused', summary: 'The signature is not base64' },
  ERR_VERIFY_SIGNATURE: {
    kind: 'refused',
    summary: 'The signature was not made by this key over this payload',
  },
  ERR_VERIFY_PAYLOAD: {
    kind: 'refused',
    summary: 'The signed payload is not a Cosign metadata file',
  },
  ERR_VERIFY_DIGEST: { kind: 'refused', summary: 'The signature is for another image' },
  ERR_VERIFY_IDENTITY: { kind: 'refused', summary: 'The signature is for another repository' },
  ERR_VERIFY_ANNOTATION: { kind: 'refused', summary: 'A required annotation was not signed' },
  ERR_VERIFY_UNSIGNED: { kind: 'refused', summary: 'The image has no signature' },
  ERR_VERIFY_NOTHING_ACCEPTED: {
    kind: 'refused',
    summary: 'No signature of the image was accepted',
  },
  ERR_VERIFY_INCOMPLETE: {
    kind: 'refused',
    summary: 'Not every image of an index has a signature that is accepted',
  },
  ERR_VERIFY_KEY: { kind: 'invalid', summary: 'Not a public key that can verify signatures' },
} as const satisfies Record<string, CodeEntry>
