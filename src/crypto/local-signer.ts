import { constants, privateEncrypt, sign, type KeyObject } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  ALGORITHMS,
  HASH_BYTES,
  requireRsaPadding,
  type AlgorithmEntry,
  type SignatureAlgorithm,
} from './algorithms.ts'
import { sha256 } from './digest.ts'
import { ECDSA_ORDERS, moveSignature, toBigInt, type EcdsaOrder } from './ecdsa-hash.ts'
import { decodeEcdsaSignature, encodeEcdsaSignature } from './ecdsa-signature.ts'
import { exportPrivateScalar, type PrivateKey } from './private-key.ts'
import { encodeDigestInfo, encodePss } from './rsa-encoding.ts'
import type { SignatureScheme, Signer } from './signer.ts'

/** Up to here hashing costs less than a hop to the thread pool. */
const MAX_MESSAGE_ON_THREAD = 64 * 1024

/**
 * Signs with a key in this process's memory.
 *
 * P-256 and Ed25519 sign on the calling thread, which is faster than any way off it; other algorithms and messages above
 * 64 KiB go through the thread pool. A bare hash under RSA is the exception: Node offers it on the calling thread only.
 */
export class LocalSigner implements Signer {
  readonly keyId: string
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  readonly isFast: boolean
  readonly #privateKey: PrivateKey
  readonly #handle: KeyObject
  readonly #entry: AlgorithmEntry
  readonly #order: EcdsaOrder | undefined
  #scalar: bigint | undefined

  constructor(keyId: string, privateKey: PrivateKey) {
    this.keyId = keyId
    this.algorithm = privateKey.algorithm
    this.publicKey = privateKey.publicKey
    this.#privateKey = privateKey
    this.#handle = privateKey.handle
    this.#entry = ALGORITHMS[privateKey.algorithm]
    this.isFast = this.#entry.isFast
    this.#order = this.#entry.curve === null ? undefined : ECDSA_ORDERS[this.#entry.curve]
  }

  sign(message: Uint8Array, scheme: SignatureScheme): Uint8Array | Promise<Uint8Array> {
    const order = this.#order
    if (order !== undefined) {
      const signature = this.#signDer(scheme.hash, message)
      if (scheme.ecdsaFormat !== 'ieee-p1363') return signature
      return andThen(signature, (der) => decodeEcdsaSignature(der, order.scalarBytes))
    }
    if (this.#entry.keyType === 'ed25519') return this.#signDer(null, message)
    const padding = requireRsaPadding(this.algorithm, scheme)
    const key = {
      key: this.#handle,
      padding: padding === 'pss' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING,
      ...(padding === 'pss' ? { saltLength: HASH_BYTES[scheme.hash] } : {}),
    }
    return signOnThreadPool(scheme.hash, message, key)
  }

  signHash(hash: Uint8Array, scheme: SignatureScheme): Uint8Array | Promise<Uint8Array> {
    this.#requireHash(hash, scheme)
    const order = this.#order
    if (order === undefined) return this.#signHashRsa(hash, scheme)
    // The message is the hash itself, so that OpenSSL's nonce depends on what is signed.
    return andThen(this.#signDer('sha256', hash), (der) => {
      this.#scalar ??= toBigInt(exportPrivateScalar(this.#privateKey))
      const fresh = {
        hash: sha256(hash),
        signature: decodeEcdsaSignature(der, order.scalarBytes),
      }
      const signature = moveSignature(order, this.#scalar, fresh, hash)
      return scheme.ecdsaFormat === 'ieee-p1363' ? signature : encodeEcdsaSignature(signature)
    })
  }

  #signDer(hash: string | null, message: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.isFast && message.length <= MAX_MESSAGE_ON_THREAD
      ? sign(hash, message, this.#handle)
      : signOnThreadPool(hash, message, this.#handle)
  }

  #requireHash(hash: Uint8Array, scheme: SignatureScheme): void {
    if (this.#entry.keyType === 'ed25519') {
      throw new ChanceryError('ERR_CRYPTO_SCHEME', 'an Ed25519 key cannot sign a bare hash', {
        hints: ['Submit the whole file, or use an ECDSA or RSA key.'],
      })
    }
    if (hash.length !== HASH_BYTES[scheme.hash]) {
      throw new ChanceryError(
        'ERR_CRYPTO_SCHEME',
        `expected a ${scheme.hash} hash of ${HASH_BYTES[scheme.hash]} bytes, found ${hash.length} bytes`,
      )
    }
  }

  #signHashRsa(hash: Uint8Array, scheme: SignatureScheme): Uint8Array {
    if (requireRsaPadding(this.algorithm, scheme) === 'pkcs1') {
      const key = { key: this.#handle, padding: constants.RSA_PKCS1_PADDING }
      return privateEncrypt(key, encodeDigestInfo(scheme.hash, hash))
    }
    const key = { key: this.#handle, padding: constants.RSA_NO_PADDING }
    return privateEncrypt(key, encodePss(scheme.hash, hash, this.#entry.bits / 8))
  }
}

/** Applies `next` now if the value is here, else when it comes. */
function andThen(
  value: Uint8Array | Promise<Uint8Array>,
  next: (value: Uint8Array) => Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  return value instanceof Promise ? value.then(next) : next(value)
}

function signOnThreadPool(
  hash: string | null,
  message: Uint8Array,
  key: KeyObject | { key: KeyObject; padding: number; saltLength?: number },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(hash, message, key, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}
