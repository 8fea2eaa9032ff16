import type { SignatureScheme } from '../crypto/signer.ts'
import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import type { SimpleSigningPayload } from '../format/simple-signing.ts'
import { type ExpectedImage, readSignedPayload } from './expected-image.ts'
import { SignedMessage } from './signed-message.ts'

/** A signature as Cosign attaches it: over a metadata file, with a key that the verifier already trusts. */
export interface SimpleSigningSignature {
  /** The metadata file, byte for byte as it was signed. */
  readonly payload: Uint8Array
  /** Standard base64, padded; white space in it is ignored, as `base64` breaks lines after 76 characters. */
  readonly signature: string
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
}

/** What a signature proves. */
export interface VerifiedSignature {
  readonly payload: SimpleSigningPayload
  /** The scheme under which it verified. */
  readonly scheme: SignatureScheme
}

/**
 * Verifies one signature of an image; returns only if all of it holds: the signature over the payload, and what the
 * payload says about digest, repository and annotations.
 *
 * ECDSA is tried with SHA-256 and with the hash of the curve, since both are in use with P-384 and P-521; RSA is
 * PKCS #1 v1.5 with SHA-256; Ed25519 is pure.
 *
 * @throws ChanceryError ERR_VERIFY_SIGNATURE_TEXT if the signature is not base64.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if the key did not make it over these bytes.
 * @throws ChanceryError ERR_VERIFY_PAYLOAD if what was signed is not a Cosign metadata file.
 * @throws ChanceryError ERR_VERIFY_DIGEST, ERR_VERIFY_IDENTITY or ERR_VERIFY_ANNOTATION if it is about another image,
 * another repository, or lacks an annotation.
 * @throws ChanceryError ERR_CRYPTO_KEY if the key is of a kind that Chancery does not use.
 */
export function verifySimpleSigningSignature(
  { payload, signature, publicKey }: SimpleSigningSignature,
  expected: ExpectedImage,
): VerifiedSignature {
  // The signature comes first: nothing is read from bytes that nobody vouches for.
  const decoded = { message: payload, signature: decodeSignature(signature) }
  const key = new VerificationKey(publicKey)
  const scheme = new SignedMessage(decoded, { key, certificate: undefined }).verify()
  return { payload: readSignedPayload(payload, expected), scheme }
}

/**
 * Decodes the text of a signature.
 *
 * @param text Standard base64, padded; white space is ignored.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE_TEXT if it is anything else, or empty.
 */
export function decodeSignature(text: string): Uint8Array {
  const bare = text.replace(/[ \t\r\n]+/g, '')
  try {
    const bytes = decodeBase64(bare)
    if (bytes.length > 0) return bytes
  } catch (cause) {
    throw notBase64(cause)
  }
  throw notBase64()
}

function notBase64(cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_VERIFY_SIGNATURE_TEXT',
    'expected a signature in standard base64, found something else',
    { cause },
  )
}
