import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { ChanceryError } from '../errors/chancery-error.ts'
import { DER_TAG, readDerSequence } from '../format/der-reader.ts'
import { encodePem } from '../format/pem.ts'
import { ALGORITHMS, type SignatureAlgorithm } from './algorithms.ts'

/** What the console calls. Its documented name is used, since loading `node:util` for it takes a tenth of a start. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * A private key in this process's memory.
 *
 * Printing it, by whatever way, shows the algorithm only. {@link exportPkcs8} is the one door for its bytes.
 */
export class PrivateKey {
  readonly algorithm: SignatureAlgorithm
  /** DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). */
  readonly publicKey: Uint8Array
  readonly #key: KeyObject

  /** @throws ChanceryError ERR_CRYPTO_KEY if the key is not of a {@link SignatureAlgorithm}. */
  constructor(key: KeyObject) {
    this.algorithm = identifyKey(key)
    this.publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
    this.#key = key
  }

  /** For `crypto/` itself: the handle that signs. */
  get handle(): KeyObject {
    return this.#key
  }

  /** The key unprotected, as DER PrivateKeyInfo (RFC 5208, 5), to be sealed at once. */
  exportPkcs8(): Uint8Array {
    return this.#key.export({ type: 'pkcs8', format: 'der' })
  }

  toJSON(): unknown {
    return { algorithm: this.algorithm }
  }

  [INSPECT](): string {
    return `PrivateKey { ${this.algorithm} }`
  }
}

/** How a private key's bytes are laid out: PKCS#8 (RFC 5208), SEC 1 (RFC 5915) or PKCS#1 (RFC 8017, A.1.2); all DER. */
export type PrivateKeyLayout = 'pkcs8' | 'sec1' | 'pkcs1'

/** Generates a key on the thread pool. */
export function generatePrivateKey(algorithm: SignatureAlgorithm): Promise<PrivateKey> {
  const { keyType, curve, bits } = ALGORITHMS[algorithm]
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject) => {
      if (error === null) resolve(new PrivateKey(privateKey))
      else reject(error)
    }
    if (keyType === 'rsa') generateKeyPair('rsa', { modulusLength: bits }, done)
    else if (curve === null) generateKeyPair('ed25519', {}, done)
    else generateKeyPair('ec', { namedCurve: curve }, done)
  })
}

/**
 * Reads a private key's bytes, unencrypted.
 *
 * @throws ChanceryError ERR_CRYPTO_KEY if the bytes are no private key, or one of a kind or size that Chancery does not
 *   use.
 */
export function importPrivateKey(der: Uint8Array, layout: PrivateKeyLayout): PrivateKey {
  const key = Buffer.from(der.buffer, der.byteOffset, der.byteLength)
  let handle: KeyObject
  try {
    handle = createPrivateKey({ key, format: 'der', type: layout })
  } catch {
    // OpenSSL's own message is dropped, not kept as cause: it says nothing a user could act on.
    throw new ChanceryError(
      'ERR_CRYPTO_KEY',
      `expected a private key (${layout.toUpperCase()}, DER), found bytes that do not parse as one`,
    )
  }
  return new PrivateKey(withUncompressedPoint(handle))
}

/** The same EC key with its point written out, whatever form the file had it in (SEC 1, 2.3.3); other keys as they are. */
function withUncompressedPoint(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ec') return key
  // Curves that JWK does not know are refused by name here.
  identifyKey(key)
  return createPrivateKey({ key: key.export({ format: 'jwk' }), format: 'jwk' })
}

/**
 * The algorithm of a public key.
 *
 * @param publicKey DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_CRYPTO_KEY if it does not parse or is of a kind or size that Chancery does not use.
 */
export function identifyPublicKey(publicKey: Uint8Array): SignatureAlgorithm {
  return identifyKey(openPublicKey(publicKey))
}

/** For `crypto/` itself: the handle of a DER SubjectPublicKeyInfo, or ERR_CRYPTO_KEY. */
export function openPublicKey(publicKey: Uint8Array): KeyObject {
  try {
    // As PEM: around a key in an object Node throws and catches two errors, which takes longer than the key.
    return createPublicKey(encodePem('PUBLIC KEY', publicKey))
  } catch {
    throw new ChanceryError('ERR_CRYPTO_KEY', 'expected a public key (SubjectPublicKeyInfo, DER)')
  }
}

/** For `crypto/` itself: the algorithm of a handle, or ERR_CRYPTO_KEY. */
export function identifyKey(key: KeyObject): SignatureAlgorithm {
  // The details are asked of OpenSSL at every access.
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  for (const [algorithm, entry] of Object.entries(ALGORITHMS)) {
    if (
      entry.keyType === type &&
      (entry.curve ?? undefined) === details?.namedCurve &&
      (entry.keyType !== 'rsa' || entry.bits === details?.modulusLength)
    ) {
      requireOrdinaryExponent(key, details?.publicExponent)
      return algorithm as SignatureAlgorithm
    }
  }
  throw new ChanceryError(
    'ERR_CRYPTO_KEY',
    `expected a key of ECDSA P-256, P-384 or P-521, RSA 2048, 3072 or 4096, or Ed25519, found ${describeKey(key)}`,
  )
}

/** Refuses RSA exponents such as 3, which have forged signatures in their history (CVE-2006-4339). */
function requireOrdinaryExponent(key: KeyObject, exponent: bigint | undefined): void {
  if (exponent !== undefined && exponent !== 65537n) {
    throw new ChanceryError(
      'ERR_CRYPTO_KEY',
      `expected the RSA public exponent 65537, found ${describeKey(key)} with ${exponent.toString()}`,
    )
  }
}

function describeKey(key: KeyObject): string {
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'ec') {
    return `an elliptic-curve key on ${details?.namedCurve ?? 'an unnamed curve'}`
  }
  if (key.asymmetricKeyType === 'rsa') {
    return `an RSA key of ${details?.modulusLength ?? 0} bits`
  }
  return `a key of type ${key.asymmetricKeyType ?? 'unknown'}`
}

/** For `crypto/` itself: the private scalar of an EC key, big-endian (RFC 5915, 3). */
export function exportPrivateScalar(key: PrivateKey): Uint8Array {
  const ecPrivateKey = readDerSequence(key.handle.export({ type: 'sec1', format: 'der' }))
  ecPrivateKey.readSmallInteger(1)
  return ecPrivateKey.read(DER_TAG.octetString)
}
