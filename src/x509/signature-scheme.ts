import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import { DER_TAG, readDerSequence } from '../format/der-reader.ts'

/** An algorithm of a signature, and the kinds of keys that it is for. */
interface KnownScheme {
  readonly key: 'ecdsa' | 'rsa' | 'ed25519'
  readonly scheme: SignatureScheme
}

/** Source: RFC 5758, 3.2; RFC 4055, 5; RFC 8410, 3. */
const SCHEMES: ReadonlyMap<string, KnownScheme> = new Map<string, KnownScheme>([
  ['1.2.840.10045.4.3.2', { key: 'ecdsa', scheme: { hash: 'sha256' } }],
  ['1.2.840.10045.4.3.3', { key: 'ecdsa', scheme: { hash: 'sha384' } }],
  ['1.2.840.10045.4.3.4', { key: 'ecdsa', scheme: { hash: 'sha512' } }],
  ['1.2.840.113549.1.1.11', { key: 'rsa', scheme: { hash: 'sha256', rsaPadding: 'pkcs1' } }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', scheme: { hash: 'sha384', rsaPadding: 'pkcs1' } }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', scheme: { hash: 'sha512', rsaPadding: 'pkcs1' } }],
  ['1.3.101.112', { key: 'ed25519', scheme: { hash: 'sha512' } }],
])

/**
 * How a signature on a certificate or in CMS was made, if it is in a way that Chancery verifies and that a key of this
 * algorithm can make; undefined else.
 *
 * @param identifier DER AlgorithmIdentifier; parameters are absent or NULL.
 * @throws ChanceryError ERR_FORMAT_DER if it is not DER.
 */
export function findSignatureScheme(
  identifier: Uint8Array,
  algorithm: SignatureAlgorithm,
): SignatureScheme | undefined {
  const reader = readDerSequence(identifier)
  const known = SCHEMES.get(reader.readOid())
  if (reader.peekTag() === DER_TAG.null && known?.key === 'rsa') reader.read(DER_TAG.null)
  if (!reader.isAtEnd) return undefined
  return known !== undefined && algorithm.startsWith(known.key) ? known.scheme : undefined
}
