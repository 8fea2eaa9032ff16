import type { SignatureScheme } from './signer.ts'
import { VerificationKey } from './verification-key.ts'

/**
 * Checks a signature over a whole message; returns only if it holds.
 *
 * @param publicKey DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_CRYPTO_SIGNATURE if the signature does not verify.
 * @throws ChanceryError ERR_CRYPTO_KEY if the key does not parse or is of a kind that Chancery does not use.
 * @throws ChanceryError ERR_CRYPTO_SCHEME if the scheme does not fit the key.
 */
export function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  scheme: SignatureScheme,
): void {
  new VerificationKey(publicKey).verify(message, signature, scheme)
}
