import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import { sha256 } from '../crypto/digest.ts'
import { identifyPublicKey } from '../crypto/private-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { TrustedAuthority, TrustedLog, ValidityPeriod } from '../format/trusted-root.ts'
import { orderChain } from '../x509/certificate-chain.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import { allowsKeyUsage } from '../x509/constraints.ts'
import { OID } from '../x509/oids.ts'
import type { CertificatePurpose } from './certificate-path.ts'

/** The names of the enum PublicKeyDetails. Source: sigstore/protobuf-specs, sigstore_common.proto. */
const KEY_DETAILS: Readonly<Record<SignatureAlgorithm, string>> = {
  'ecdsa-p256': 'PKIX_ECDSA_P256_SHA_256',
  'ecdsa-p384': 'PKIX_ECDSA_P384_SHA_384',
  'ecdsa-p521': 'PKIX_ECDSA_P521_SHA_512',
  'rsa-2048': 'PKIX_RSA_PKCS1V15_2048_SHA256',
  'rsa-3072': 'PKIX_RSA_PKCS1V15_3072_SHA256',
  'rsa-4096': 'PKIX_RSA_PKCS1V15_4096_SHA256',
  ed25519: 'PKIX_ED25519',
}

/** What is said about an authority beside its certificates. */
export interface AuthorityDescription {
  readonly uri: string | undefined
  /** Where it has no start, that is the beginning of the root certificate. */
  readonly validFor: ValidityPeriod
}

/**
 * Makes an authority for a trusted root of its chain: one chain, the root last, each certificate signed by the next, the
 * root by itself. All of them have to be authorities that may sign certificates, except that a chain for timestamps begins
 * with the certificate that signs them where it is given.
 *
 * @param certificates DER, in the order of their file.
 * @throws ChanceryError ERR_X509_CHAIN if that is not so; ERR_X509_CERTIFICATE if one does not parse.
 */
export function trustAuthority(
  certificates: readonly Uint8Array[],
  purpose: CertificatePurpose,
  { uri, validFor }: AuthorityDescription,
): TrustedAuthority {
  const given = certificates.map(parseCertificate)
  const [first] = given
  if (first === undefined) throw chainError('expected at least a root, found no certificate')
  if (given.length > 1 && isSelfIssued(first)) {
    throw chainError(`expected the root last, found that of ${first.subject} first`)
  }
  const chain = orderChain(certificates, first.publicKey)
  const root = chain.at(-1)
  const misplaced = given.find(
    (one, at) => Buffer.compare(one.der, chain[at]?.der ?? one.der) !== 0,
  )
  if (misplaced !== undefined) {
    throw chainError(`expected the root last, found ${misplaced.subject} out of its place`)
  }
  if (root === undefined || !isSelfIssued(root)) {
    throw chainError(
      `expected a root at the end, found ${root?.subject}, issued by ${root?.issuer}`,
    )
  }
  for (const [at, one] of chain.entries()) {
    const isSigner = purpose === 'timestamping' && at === 0 && chain.length > 1 && !one.isAuthority
    if (isSigner) requireTimestampSigner(one)
    else requireIssuer(one)
  }
  const start = validFor.start ?? root.notBefore
  if (validFor.end !== undefined && validFor.end < start) {
    throw chainError(`expected an end after ${start.toISOString()}`)
  }
  return { uri, certificates: chain.map(({ der }) => der), validFor: { start, end: validFor.end } }
}

/** What is said about a log beside its key. */
export interface LogDescription extends Pick<TrustedLog, 'baseUrl' | 'validFor'> {
  /** What it calls itself in its checkpoints; undefined for Rekor v1 and certificate logs. */
  readonly origin?: string | undefined
}

/**
 * Makes a log for a trusted root of its key. Its id is the SHA-256 of the key, as in Rekor v1 and in RFC 6962; that of a
 * key with an origin is the one that its checkpoints have, as in Rekor v2, which is another one unless it is an ECDSA key.
 *
 * @param publicKey DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_CRYPTO_KEY if it is no key that Chancery verifies with.
 * Source: C2SP, signed-note.md, "Signatures"; Cosign, `trusted-root create`.
 */
export function trustLog(
  publicKey: Uint8Array,
  { baseUrl, validFor, origin }: LogDescription,
): TrustedLog {
  const algorithm = identifyPublicKey(publicKey)
  const keyDetails = KEY_DETAILS[algorithm]
  const logId = origin === undefined ? sha256(publicKey) : noteKeyId(origin, publicKey, algorithm)
  return { baseUrl, publicKey, keyDetails, validFor, logId, checkpointKeyId: undefined }
}

const ED25519_BYTES = 32
/** What tells the keys of signed notes apart. */
const NOTE_ED25519 = '\x01'
const NOTE_RSA = 'PKIX-RSA-PKCS#1v1.5'

/** All 32 bytes of the id of a key, of which signed notes have the first four. */
function noteKeyId(
  origin: string,
  publicKey: Uint8Array,
  algorithm: SignatureAlgorithm,
): Uint8Array {
  if (algorithm.startsWith('ecdsa')) return sha256(publicKey)
  const isEd25519 = algorithm === 'ed25519'
  const head = Buffer.from(
    isEd25519 ? `${origin}\n${NOTE_ED25519}` : `${origin}\n\xff${NOTE_RSA}`,
    'latin1',
  )
  return sha256(Buffer.concat([head, isEd25519 ? publicKey.subarray(-ED25519_BYTES) : publicKey]))
}

function isSelfIssued({ subjectName, issuerName }: X509Certificate): boolean {
  return Buffer.compare(subjectName, issuerName) === 0
}

function requireIssuer(certificate: X509Certificate): void {
  if (certificate.isAuthority && allowsKeyUsage(certificate, 'certificateSigning')) return
  throw chainError(
    `expected authorities only, found ${certificate.subject}, which may not issue certificates`,
    ['The certificates of signers come with their signatures; leave them out.'],
  )
}

function requireTimestampSigner(certificate: X509Certificate): void {
  if (certificate.extendedKeyUsages?.includes(OID.timeStamping) === true) return
  throw chainError(
    `expected the certificate of a timestamp authority first, found ${certificate.subject}, which is not for timestamping`,
  )
}

function chainError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_X509_CHAIN', message, { hints })
}
