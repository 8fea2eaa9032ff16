import { constants, verify } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import { ALGORITHMS, HASH_BYTES, requireRsaPadding } from './algorithms.ts'
import { identifyPublicKey, openPublicKey } from './private-key.ts'
import type { SignatureScheme } from './signer.ts'

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
  const key = openPublicKey(publicKey)
  const algorithm = identifyPublicKey(publicKey)
  const { keyType } = ALGORITHMS[algorithm]
  let isValid: boolean
  if (keyType === 'ed25519') {
    isValid = verify(null, message, key, signature)
  } else if (keyType === 'ec') {
    const dsaEncoding = scheme.ecdsaFormat ?? 'der'
    isValid = verify(scheme.hash, message, { key, dsaEncoding }, signature)
  } else {
    const padding =
      requireRsaPadding(algorithm, scheme) === 'pss'
        ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH_BYTES[scheme.hash] }
        : { padding: constants.RSA_PKCS1_PADDING }
    isValid = verify(scheme.hash, message, { key, ...padding }, signature)
  }
  if (!isValid) {
    throw new ChanceryError(
      'ERR_CRYPTO_SIGNATURE',
      `the signature does not verify with the ${algorithm} key given`,
    )
  }
}
