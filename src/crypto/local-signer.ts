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

type SigningKey =
  KeyObject | { readonly key: KeyObject; readonly padding: number; readonly saltLength?: number }

/** What takes longer to hash than to sign is not small. */
const SMALL_MESSAGE_BYTES = 16 * 1024

/**
 * Signs with a key in this process's memory: on the thread pool, as the calling thread, which answers everybody, is what
 * a busy server has least of. Two exceptions are made on the calling thread: a bare hash under RSA, which Node offers
 * there only, and with a fast key the first small message of each turn of the event loop, since one signature alone is
 * made sooner there, and whatever else the turn brings goes on on the pool meanwhile.
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

  sign(message: Uint8Array, scheme: SignatureScheme): Promise<Uint8Array> {
    const order = this.#order
    if (order !== undefined) {
      const signature = this.#make(scheme.hash, message, this.#handle)
      if (scheme.ecdsaFormat !== 'ieee-p1363') return signature
      return signature.then((der) => decodeEcdsaSignature(der, order.scalarBytes))
    }
    if (this.#entry.keyType === 'ed25519') return this.#make(null, message, this.#handle)
    const padding = requireRsaPadding(this.algorithm, scheme)
    const key = {
      key: this.#handle,
      padding: padding === 'pss' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING,
      ...(padding === 'pss' ? { saltLength: HASH_BYTES[scheme.hash] } : {}),
    }
    return this.#make(scheme.hash, message, key)
  }

  signHash(hash: Uint8Array, scheme: SignatureScheme): Promise<Uint8Array> {
    this.#requireHash(hash, scheme)
    const order = this.#order
    if (order === undefined) return Promise.resolve(this.#signHashRsa(hash, scheme))
    // The message is the hash itself, so that OpenSSL's nonce depends on what is signed.
    return this.#make('sha256', hash, this.#handle).then((der) => {
      this.#scalar ??= toBigInt(exportPrivateScalar(this.#privateKey))
      const fresh = {
        hash: sha256(hash),
        signature: decodeEcdsaSignature(der, order.scalarBytes),
      }
      const signature = moveSignature(order, this.#scalar, fresh, hash)
      return scheme.ecdsaFormat === 'ieee-p1363' ? signature : encodeEcdsaSignature(signature)
    })
  }

  #make(hash: string | null, message: Uint8Array, key: SigningKey): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.isFast && message.length <= SMALL_MESSAGE_BYTES && isFirstOfTurn()) {
        resolve(sign(hash, message, key))
        return
      }
      sign(hash, message, key, (error, signature) => {
        if (error === null) resolve(signature)
        else reject(error)
      })
    })
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

let isTurnTaken = false

/** True once in each turn of the event loop. */
function isFirstOfTurn(): boolean {
  if (isTurnTaken) return false
  isTurnTaken = true
  setImmediate(() => {
    isTurnTaken = false
  })
  return true
}
