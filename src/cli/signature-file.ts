import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64, encodeBase64 } from '../format/base64.ts'

/**
 * The signature in a file with base64 text, wrapped or not, or with the signature itself, as it comes out of a signed
 * ZIP.
 *
 * @throws ChanceryError ERR_CLI_SIGNATURE_FILE if it looks like base64 and is none, or is empty.
 */
export function readSignatureFile(file: Uint8Array): Uint8Array {
  const text = Buffer.from(file).toString('latin1')
  const bytes = /^[A-Za-z0-9+/=\s]*$/.test(text) ? readBase64(text.replaceAll(/\s/g, '')) : file
  if (bytes.length > 0) return bytes
  throw noSignature('an empty file')
}

/** The same in base64 on one line, as registries have it. */
export function readSignatureText(file: Uint8Array): string {
  return encodeBase64(readSignatureFile(file))
}

function readBase64(text: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw noSignature('something else', cause)
  }
}

function noSignature(found: string, cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_CLI_SIGNATURE_FILE',
    `expected a signature, in standard base64 or as it is, found ${found}`,
    { cause },
  )
}
