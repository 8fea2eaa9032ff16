import type { SignatureAlgorithm } from './algorithms.ts'

/** How a signature is made where a key leaves a choice. */
export interface SignatureScheme {
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  /** RSA only: RSASSA-PKCS1-v1_5 or RSASSA-PSS with MGF1 and a salt as long as the hash (RFC 8017). */
  readonly rsaPadding?: 'pkcs1' | 'pss'
  /** ECDSA only: DER `Ecdsa-Sig-Value` (RFC 3279, 2.2.3; the default) or fixed-length r‖s (IEEE P1363). */
  readonly ecdsaFormat?: 'der' | 'ieee-p1363'
}

/**
 * A private key that can sign and never leaves its store.
 *
 * Both methods may be called concurrently. They return a signature that verifies under `publicKey`, or throw;
 * they do not retry an operation that the store may already have counted.
 */
export interface Signer {
  /** Chancery's stable id of the key, a GUID. */
  readonly keyId: string
  readonly algorithm: SignatureAlgorithm
  /** DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). */
  readonly publicKey: Uint8Array
  /** True where a signature takes tens of microseconds, so that an answer can wait for it. */
  readonly isFast: boolean
  /**
   * Signs a whole message; hashing is the signer's business.
   *
   * Ed25519 ignores `scheme.hash` (RFC 8032 hashes by itself).
   *
   * @throws ChanceryError ERR_CRYPTO_SCHEME if the scheme does not fit the key.
   * @throws ChanceryError ERR_KEYS_UNAVAILABLE if the store does not answer.
   */
  sign(message: Uint8Array, scheme: SignatureScheme): Promise<Uint8Array>
  /**
   * Signs a hash that somebody else computed; `hash.length` must be that of `scheme.hash`.
   *
   * @throws ChanceryError ERR_CRYPTO_SCHEME if the key cannot sign a bare hash (Ed25519) or the length does not fit.
   */
  signHash(hash: Uint8Array, scheme: SignatureScheme): Promise<Uint8Array>
}
