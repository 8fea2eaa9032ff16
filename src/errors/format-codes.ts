import type { CodeEntry } from './code-table.ts'

/** The error codes of `format/`. */
export const FORMAT_CODES = {
  ERR_FORMAT_BASE64: { kind: 'invalid', summary: 'Not strict standard base64' },
  ERR_FORMAT_HEX: { kind: 'invalid', summary: 'Not lower-case hexadecimal' },
  ERR_FORMAT_GUID: { kind: 'invalid', summary: 'Not a GUID' },
  ERR_FORMAT_JSON: { kind: 'invalid', summary: 'Not strict JSON' },
  ERR_FORMAT_OCI_MANIFEST: { kind: 'invalid', summary: 'Not a valid OCI or Docker manifest' },
} as const satisfies Record<string, CodeEntry>
