import { ChanceryError } from '../errors/chancery-error.ts'
import type { SignatureScheme } from './signer.ts'

/** The key algorithms Chancery creates and imports, by the names its API and files use. */
export const SIGNATURE_ALGORITHMS = [
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ed25519',
] as const

/** One of {@link SIGNATURE_ALGORITHMS}. */
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number]

/** A hash function that signatures use, by its name in SignPath's `hash-algorithm`. */
export type HashAlgorithm = SignatureScheme['hash']

/** The length of each hash in bytes. */
export const HASH_BYTES: Readonly<Record<HashAlgorithm, number>> = {
  sha256: 32,
  sha384: 48,
  sha512: 64,
}

/** An ASN.1 AlgorithmIdentifier (RFC 5280, 4.1.1.2), as far as our algorithms need it. */
export interface AlgorithmIdentifier {
  /** Dotted decimal. */
  readonly oid: string
  /** The parameters: absent, ASN.1 NULL, or the named curve's OID in dotted decimal. */
  readonly parameters: 'absent' | 'null' | { readonly curve: string }
}

/** What is to be known about a {@link SignatureAlgorithm}. */
export interface AlgorithmEntry {
  readonly keyType: 'ec' | 'rsa' | 'ed25519'
  /** The size people name: bits of the curve or of the modulus. */
  readonly bits: number
  /** OpenSSL's name of the curve; null for RSA and Ed25519. */
  readonly curve: 'prime256v1' | 'secp384r1' | 'secp521r1' | null
  /** The hash of payload signatures where nobody names one: what every `cosign verify --key` expects. */
  readonly defaultHash: HashAlgorithm
  /** The hash of the signatures this key makes on certificates and requests. */
  readonly certificateHash: HashAlgorithm
  /** The algorithm in SubjectPublicKeyInfo. */
  readonly keyIdentifier: AlgorithmIdentifier
  /** The algorithm of the signatures this key makes on certificates and requests. */
  readonly certificateSignatureIdentifier: AlgorithmIdentifier
  /** True where a signature takes tens of microseconds, so that an answer can wait for it. */
  readonly isFast: boolean
  /** What verifiers cannot do with such a key, one sentence each; shown by the API and the CLI. */
  readonly warnings: readonly string[]
}

const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const RSA_ENCRYPTION: AlgorithmIdentifier = { oid: '1.2.840.113549.1.1.1', parameters: 'null' }
const SHA256_WITH_RSA: AlgorithmIdentifier = { oid: '1.2.840.113549.1.1.11', parameters: 'null' }
const ED25519: AlgorithmIdentifier = { oid: '1.3.101.112', parameters: 'absent' }

const USE_P256 = 'Use ecdsa-p256 or rsa-3072 where any version of cosign has to verify.'

function largeCurveWarnings(hash: string): readonly string[] {
  return [
    `cosign verifies with SHA-256 unless told otherwise: a ${hash} signature of this key needs ` +
      `\`cosign verify --signature-digest-algorithm ${hash}\`.`,
    `cosign 2.6 and 3.0 to 3.1.2 cannot verify bundles made with this key; 3.1.3 verifies some.`,
    USE_P256,
  ]
}

function rsa(bits: number): AlgorithmEntry {
  return {
    keyType: 'rsa',
    bits,
    curve: null,
    defaultHash: 'sha256',
    certificateHash: 'sha256',
    keyIdentifier: RSA_ENCRYPTION,
    certificateSignatureIdentifier: SHA256_WITH_RSA,
    isFast: false,
    warnings: [],
  }
}

/**
 * The table of algorithms.
 *
 * Source: RFC 5480, 2.1.1 (EC keys), RFC 5758, 3.2 (ECDSA signatures), RFC 4055, 5 (RSA), RFC 8410, 3 (Ed25519).
 */
export const ALGORITHMS: Readonly<Record<SignatureAlgorithm, AlgorithmEntry>> = {
  'ecdsa-p256': {
    keyType: 'ec',
    bits: 256,
    curve: 'prime256v1',
    defaultHash: 'sha256',
    certificateHash: 'sha256',
    keyIdentifier: { oid: EC_PUBLIC_KEY, parameters: { curve: '1.2.840.10045.3.1.7' } },
    certificateSignatureIdentifier: { oid: '1.2.840.10045.4.3.2', parameters: 'absent' },
    isFast: true,
    warnings: [],
  },
  'ecdsa-p384': {
    keyType: 'ec',
    bits: 384,
    curve: 'secp384r1',
    defaultHash: 'sha256',
    certificateHash: 'sha384',
    keyIdentifier: { oid: EC_PUBLIC_KEY, parameters: { curve: '1.3.132.0.34' } },
    certificateSignatureIdentifier: { oid: '1.2.840.10045.4.3.3', parameters: 'absent' },
    isFast: false,
    warnings: largeCurveWarnings('sha384'),
  },
  'ecdsa-p521': {
    keyType: 'ec',
    bits: 521,
    curve: 'secp521r1',
    defaultHash: 'sha256',
    certificateHash: 'sha512',
    keyIdentifier: { oid: EC_PUBLIC_KEY, parameters: { curve: '1.3.132.0.35' } },
    certificateSignatureIdentifier: { oid: '1.2.840.10045.4.3.4', parameters: 'absent' },
    isFast: false,
    warnings: largeCurveWarnings('sha512'),
  },
  'rsa-2048': rsa(2048),
  'rsa-3072': rsa(3072),
  'rsa-4096': rsa(4096),
  ed25519: {
    keyType: 'ed25519',
    bits: 256,
    curve: null,
    // Ed25519 hashes by itself (RFC 8032); the name only fills the scheme.
    defaultHash: 'sha256',
    certificateHash: 'sha512',
    keyIdentifier: ED25519,
    certificateSignatureIdentifier: ED25519,
    isFast: true,
    warnings: [
      'cosign 2.6 and 3.x expect Ed25519ph in bundles and cannot verify them with this key; ' +
        'attached signatures verify with `cosign verify --key` 2.5 and 3.1.',
      'An Ed25519 key cannot sign a bare hash, so hash signing, PKCS#11 and KMS clients cannot use it.',
      USE_P256,
    ],
  },
}

/**
 * The padding an RSA signature is to have. Keys that are not RSA have none: there the scheme's is ignored, as SignPath does.
 *
 * @throws ChanceryError ERR_CRYPTO_SCHEME if the key is RSA and the scheme names no padding.
 */
export function requireRsaPadding(
  algorithm: SignatureAlgorithm,
  scheme: SignatureScheme,
): 'pkcs1' | 'pss' {
  if (scheme.rsaPadding === undefined) {
    throw new ChanceryError(
      'ERR_CRYPTO_SCHEME',
      `expected an RSA padding for a signature with ${algorithm}, found none`,
      { hints: ['Say pkcs1, which cosign verifies, or pss.'] },
    )
  }
  return scheme.rsaPadding
}
