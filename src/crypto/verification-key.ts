import { constants, verify, type KeyObject } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import { ALGORITHMS, HASH_BYTES, requireRsaPadding, type SignatureAlgorithm } from './algorithms.ts'
import { identifyKey, openPublicKey } from './private-key.ts'
import type { SignatureScheme } from './signer.ts'

/** A public key that is opened once, to verify many signatures. */
export class VerificationKey {
  readonly algorithm: SignatureAlgorithm
  /** DER SubjectPublicKeyInfo, as it was given. */
  readonly publicKey: Uint8Array
  readonly #key: KeyObject

  /**
   * @param publicKey DER SubjectPublicKeyInfo.
   * @throws ChanceryError ERR_CRYPTO_KEY if the key does not parse or is of a kind that Chancery does not use.
   */
  constructor(publicKey: Uint8Array) {
    this.#key = openPublicKey(publicKey)
    this.algorithm = identifyKey(this.#key)
    this.publicKey = publicKey
  }

  /**
   * Checks a signature over a whole message; returns only if it holds.
   *
   * @throws ChanceryError ERR_CRYPTO_SIGNATURE if the signature does not verify.
   * @throws ChanceryError ERR_CRYPTO_SCHEME if the scheme does not fit the key.
   */
  verify(message: Uint8Array, signature: Uint8Array, scheme: SignatureScheme): void {
    if (this.#isSignature(message, signature, scheme)) return
    throw new ChanceryError(
      'ERR_CRYPTO_SIGNATURE',
      `the signature does not verify with the ${this.algorithm} key given`,
    )
  }

  #isSignature(message: Uint8Array, signature: Uint8Array, scheme: SignatureScheme): boolean {
    const key = this.#key
    const { keyType } = ALGORITHMS[this.algorithm]
    if (keyType === 'ed25519') return verify(null, message, key, signature)
    if (keyType === 'ec') {
      const dsaEncoding = scheme.ecdsaFormat ?? 'der'
      return verify(scheme.hash, message, { key, dsaEncoding }, signature)
    }
    const padding =
      requireRsaPadding(this.algorithm, scheme) === 'pss'
        ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: HASH_BYTES[scheme.hash] }
        : { padding: constants.RSA_PKCS1_PADDING }
    return verify(scheme.hash, message, { key, ...padding }, signature)
  }
}
