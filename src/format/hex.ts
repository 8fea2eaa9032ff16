import { ChanceryError } from '../errors/chancery-error.ts'

/** Encodes bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/**
 * Decodes lower-case hexadecimal of even length.
 *
 * @throws ChanceryError ERR_FORMAT_HEX if the text is anything else.
 */
export function decodeHex(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'hex')
  if (bytes.toString('hex') !== text) {
    throw new ChanceryError(
      'ERR_FORMAT_HEX',
      'expected lower-case hexadecimal digits, an even number of them',
    )
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
