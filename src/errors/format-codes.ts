import type { CodeEntry } from './code-table.ts'

/** The error codes of `format/`. */
export const FORMAT_CODES = {
  ERR_FORMAT_BASE64: { kind: 'invalid', summary: 'Not strict standard base64' },
  ERR_FORMAT_HEX: { kind: 'invalid', summary: 'Not lower-case hexadecimal' },
  ERR_FORMAT_GUID: { kind: 'invalid', summary: 'Not a GUID' },
  ERR_FORMAT_DER: { kind: 'invalid', summary: 'Not strict DER' },
  ERR_FORMAT_PEM: { kind: 'invalid', summary: 'Not PEM' },
  ERR_FORMAT_JSON: { kind: 'invalid', summary: 'Not strict JSON' },
  ERR_FORMAT_GLOB: { kind: 'invalid', summary: 'Not a path pattern' },
  ERR_FORMAT_PAYLOAD: { kind: 'invalid', summary: 'Not a Cosign metadata file' },
  ERR_FORMAT_DIGEST: { kind: 'invalid', summary: 'Not a digest' },
  ERR_FORMAT_REFERENCE: { kind: 'invalid', summary: 'Not an image reference' },
  ERR_FORMAT_TAR: { kind: 'invalid', summary: 'Not a tar archive that is safe to read' },
  ERR_FORMAT_ZIP: { kind: 'invalid', summary: 'Not a ZIP archive that is safe to read' },
  ERR_FORMAT_ZIP_LIMIT: {
    kind: 'invalid',
    summary: 'A ZIP archive beyond the limits',
    status: 413,
  },
  ERR_FORMAT_ZIP_ENTRY_EXISTS: {
    kind: 'conflict',
    summary: 'A ZIP archive already has an entry of this name',
  },
  ERR_FORMAT_OCI_MANIFEST: { kind: 'invalid', summary: 'Not a valid OCI or Docker manifest' },
  ERR_FORMAT_DSSE: { kind: 'invalid', summary: 'Not a DSSE envelope with one signature' },
  ERR_FORMAT_STATEMENT: { kind: 'invalid', summary: 'Not an in-toto statement' },
  ERR_FORMAT_PREDICATE: { kind: 'invalid', summary: 'Not what an attestation can say' },
  ERR_FORMAT_BUNDLE: { kind: 'invalid', summary: 'Not a Sigstore bundle' },
  ERR_FORMAT_CHECKPOINT: { kind: 'invalid', summary: 'Not a checkpoint of a log' },
  ERR_FORMAT_LOG_BODY: { kind: 'invalid', summary: 'Not an entry of a log' },
  ERR_FORMAT_ATTACHED_EVIDENCE: {
    kind: 'invalid',
    summary: 'Not a log entry or a timestamp as it is attached to the signature of an image',
  },
  ERR_FORMAT_SCT: { kind: 'invalid', summary: 'Not a list of certificate timestamps' },
  ERR_FORMAT_TRUSTED_ROOT: { kind: 'invalid', summary: 'Not a Sigstore trusted root' },
} as const satisfies Record<string, CodeEntry>
