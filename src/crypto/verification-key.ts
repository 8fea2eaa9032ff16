import { constants, verify, type KeyObject } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeHex } from '../format/hex.ts'
import { ALGORITHMS, HASH_BYTES, requireRsaPadding, type SignatureAlgorithm } from './algorithms.ts'
import { identifyKey, openPublicKey } from './private-key.ts'
import type { SignatureScheme } from './signer.ts'

/** SubjectPublicKeyInfo of a key on P-256 up to its point, which is not compressed. Source: RFC 5480, 2.1.1 and 2.2. */
const P256_START = decodeHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004')
const P256_BYTES = P256_START.length + 64

/** Whether the bytes, which OpenSSL has accepted as a key, are one on P-256: asking OpenSSL takes longer. */
function isP256(publicKey: Uint8Array): boolean {
  const start = publicKey.subarray(0, P256_START.length)
  return publicKey.length === P256_BYTES && Buffer.compare(start, P256_START) === 0
}

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
    this.algorithm = isP256(publicKey) ? 'ecdsa-p256' : identifyKey(this.#key)
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
    // With what is Node's default the bare key is given: around a key in an object Node throws and catches two
    // errors, which takes half as long as the signature.
    if (keyType === 'ec') {
      const dsaEncoding = scheme.ecdsaFormat ?? 'der'
      const given = dsaEncoding === 'der' ? key : { key, dsaEncoding }
      return verify(scheme.hash, message, given, signature)
    }
    const isPss = requireRsaPadding(this.algorithm, scheme) === 'pss'
    const padding = constants.RSA_PKCS1_PSS_PADDING
    const given = isPss ? { key, padding, saltLength: HASH_BYTES[scheme.hash] } : key
    return verify(scheme.hash, message, given, signature)
  }
}
