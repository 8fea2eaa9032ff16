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
  ERR_VERIFY_EXPECTATION: {
    kind: 'invalid',
    summary: 'What is asked of a signature is incomplete or contradicts itself',
  },
  ERR_VERIFY_TRUSTED_ROOT: {
    kind: 'invalid',
    summary: 'A key or certificate of the trusted root cannot be used',
  },
  ERR_VERIFY_SIGNER: {
    kind: 'refused',
    summary: 'Signed with a key where a certificate is expected, or the reverse',
  },
  ERR_VERIFY_CONTENT: {
    kind: 'refused',
    summary: 'A statement was signed where an artifact is expected, or the reverse',
  },
  ERR_VERIFY_ARTIFACT: { kind: 'refused', summary: 'The signature is for another artifact' },
  ERR_VERIFY_PREDICATE_TYPE: {
    kind: 'refused',
    summary: 'The signed statement is of another type',
  },
  ERR_VERIFY_PREDICATE: {
    kind: 'refused',
    summary: 'What the attestation says does not satisfy the policy',
  },
  ERR_VERIFY_POLICY: {
    kind: 'invalid',
    summary: 'Not a policy that can judge attestations',
  },
  ERR_VERIFY_CERTIFICATE: {
    kind: 'refused',
    summary: 'The certificate does not lead to a trusted authority',
  },
  ERR_VERIFY_CERTIFICATE_TIME: {
    kind: 'refused',
    summary: 'The certificate was not valid when it signed',
  },
  ERR_VERIFY_CERTIFICATE_IDENTITY: {
    kind: 'refused',
    summary: 'The certificate is for another identity',
  },
  ERR_VERIFY_CERTIFICATE_ISSUER: {
    kind: 'refused',
    summary: 'The identity in the certificate is from another issuer',
  },
  ERR_VERIFY_CERTIFICATE_TRANSPARENCY: {
    kind: 'refused',
    summary: 'The certificate is in too few trusted certificate transparency logs',
  },
  ERR_VERIFY_CERTIFICATE_WORKFLOW: {
    kind: 'refused',
    summary: 'The certificate is for another GitHub workflow',
  },
  ERR_VERIFY_LOG_ENTRY: {
    kind: 'refused',
    summary: 'A log entry does not prove that this signature is in the log',
  },
  ERR_VERIFY_LOG_COUNT: { kind: 'refused', summary: 'The signature is in too few trusted logs' },
  ERR_VERIFY_TIMESTAMP: {
    kind: 'refused',
    summary: 'A timestamp does not prove when this signature was made',
  },
  ERR_VERIFY_TIMESTAMP_AUTHORITY: {
    kind: 'refused',
    summary: 'A timestamp is from an authority that is not trusted',
  },
  ERR_VERIFY_TIMESTAMP_COUNT: {
    kind: 'refused',
    summary: 'The signature has too few trusted timestamps',
  },
} as const satisfies Record<string, CodeEntry>
