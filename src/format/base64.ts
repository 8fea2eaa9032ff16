import { ChanceryError } from '../errors/chancery-error.ts'

/** Encodes bytes in the standard alphabet, padded, on one line. Source: RFC 4648, section 4. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * Decodes standard base64: padded, no white space, no other alphabet, no stray bits in the last character,
 * so that exactly one text stands for given bytes. Source: RFC 4648, sections 3.3, 3.5 and 4.
 *
 * @throws ChanceryError ERR_FORMAT_BASE64 if the text is anything else.
 */
export function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  // Node's decoder skips what it does not know; re-encoding shows whether it skipped anything.
  if (bytes.toString('base64') !== text) {
    throw new ChanceryError(
      'ERR_FORMAT_BASE64',
      'expected standard base64, padded and without line breaks',
    )
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
