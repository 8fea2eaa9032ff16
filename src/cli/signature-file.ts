import { encodeBase64 } from '../format/base64.ts'
import { decodeSignature } from '../verify/simple-signing-signature.ts'

/**
 * The signature in a file with base64 text, wrapped or not, or with the signature itself, as it comes out of a signed
 * ZIP.
 *
 * @throws ChanceryError ERR_VERIFY_SIGNATURE_TEXT if it looks like base64 and is none.
 */
export function readSignatureFile(file: Uint8Array): Uint8Array {
  const text = Buffer.from(file).toString('latin1')
  const isBase64Text = /^[A-Za-z0-9+/=\s]+$/.test(text)
  return isBase64Text ? decodeSignature(text) : file
}

/** The same in base64 on one line, as registries have it. */
export function readSignatureText(file: Uint8Array): string {
  return encodeBase64(readSignatureFile(file))
}
