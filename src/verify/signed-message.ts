import { ALGORITHMS, type HashAlgorithm } from '../crypto/algorithms.ts'
import { hashMessage } from '../crypto/digest.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import type { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { X509Certificate } from '../x509/certificate.ts'

/** What a bundle's signature is over, and whose it is: what a log entry and a timestamp have to be about. */
export class SignedMessage {
  /** The artifact, or the pre-authentication encoding of the envelope. */
  readonly message: Uint8Array
  /** The payload of the envelope; undefined where an artifact was signed as it is. */
  readonly payload: Uint8Array | undefined
  readonly payloadType: string | undefined
  readonly signature: Uint8Array
  readonly key: VerificationKey
  /** Undefined where the verifier knew the key. */
  readonly certificate: X509Certificate | undefined
  readonly #hashes = new Map<HashAlgorithm, Uint8Array>()

  constructor(
    content: {
      readonly message: Uint8Array
      readonly payload?: Uint8Array
      readonly payloadType?: string
      readonly signature: Uint8Array
    },
    signer: { readonly key: VerificationKey; readonly certificate: X509Certificate | undefined },
  ) {
    this.message = content.message
    this.payload = content.payload
    this.payloadType = content.payloadType
    this.signature = content.signature
    this.key = signer.key
    this.certificate = signer.certificate
  }

  /** The hash of {@link message}, computed once. */
  hash(algorithm: HashAlgorithm): Uint8Array {
    const known = this.#hashes.get(algorithm) ?? hashMessage(algorithm, this.message)
    this.#hashes.set(algorithm, known)
    return known
  }

  /** The hash of {@link payload}. */
  payloadHash(algorithm: HashAlgorithm): Uint8Array {
    return hashMessage(algorithm, this.payload ?? new Uint8Array())
  }

  /**
   * Checks the signature; returns only if it holds. ECDSA is tried with SHA-256 and with the hash of the curve, since
   * both are in use with P-384 and P-521; RSA is PKCS #1 v1.5 with SHA-256; Ed25519 is pure.
   *
   * @returns The scheme under which it holds.
   * @throws ChanceryError ERR_VERIFY_SIGNATURE if the key did not make it over this message.
   */
  verify(): SignatureScheme {
    let failure: unknown
    for (const scheme of schemesOf(this.key)) {
      try {
        this.key.verify(this.message, this.signature, scheme)
        return scheme
      } catch (cause) {
        if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_CRYPTO_SIGNATURE') throw cause
        failure = cause
      }
    }
    const what = this.payload === undefined ? 'this artifact' : 'this envelope'
    throw new ChanceryError(
      'ERR_VERIFY_SIGNATURE',
      `expected a signature of the ${this.key.algorithm} key over ${what}, found another one`,
      {
        cause: failure,
        hints: ['Either another key signed, or what was signed has changed since.'],
      },
    )
  }
}

function schemesOf(key: VerificationKey): readonly SignatureScheme[] {
  const { keyType, certificateHash } = ALGORITHMS[key.algorithm]
  if (keyType === 'rsa') return [{ hash: 'sha256', rsaPadding: 'pkcs1' }]
  if (keyType === 'ed25519' || certificateHash === 'sha256') return [{ hash: 'sha256' }]
  return [{ hash: certificateHash }, { hash: 'sha256' }]
}
