import { ALGORITHMS } from '../crypto/algorithms.ts'
import { identifyPublicKey } from '../crypto/private-key.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import { normaliseRepository, parseReference, referenceContext } from '../format/oci-reference.ts'
import { parseSimpleSigning, type SimpleSigningPayload } from '../format/simple-signing.ts'

/** A signature as Cosign attaches it: over a metadata file, with a key that the verifier already trusts. */
export interface SimpleSigningSignature {
  /** The metadata file, byte for byte as it was signed. */
  readonly payload: Uint8Array
  /** Standard base64, padded; white space in it is ignored, as `base64` breaks lines after 76 characters. */
  readonly signature: string
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
}

/** What a signature has to be about. */
export interface ExpectedImage {
  /** `sha256:<hex>` of the manifest. */
  readonly digest: string
  /**
   * `registry/repository` names one of which the signed reference must be; Docker Hub's names for one repository are
   * equal, a tag in the signed reference is ignored. `any` compares nothing, as Cosign does.
   */
  readonly repositories: readonly string[] | 'any'
  /** Annotations that must have been signed with exactly these values. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** What a signature proves. */
export interface VerifiedSignature {
  readonly payload: SimpleSigningPayload
  /** The scheme under which it verified. */
  readonly scheme: SignatureScheme
}

/**
 * Verifies one signature of an image; returns only if all of it holds: the signature over the payload, and what the
 * payload says about digest, repository and annotations.
 *
 * ECDSA is tried with SHA-256 and with the hash of the curve, since both are in use with P-384 and P-521; RSA is
 * PKCS #1 v1.5 with SHA-256; Ed25519 is pure.
 *
 * @throws ChanceryError ERR_VERIFY_SIGNATURE_TEXT if the signature is not base64.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if the key did not make it over these bytes.
 * @throws ChanceryError ERR_VERIFY_PAYLOAD if what was signed is not a Cosign metadata file.
 * @throws ChanceryError ERR_VERIFY_DIGEST, ERR_VERIFY_IDENTITY or ERR_VERIFY_ANNOTATION if it is about another image,
 * another repository, or lacks an annotation.
 * @throws ChanceryError ERR_CRYPTO_KEY if the key is of a kind that Chancery does not use.
 */
export function verifySimpleSigningSignature(
  { payload, signature, publicKey }: SimpleSigningSignature,
  expected: ExpectedImage,
): VerifiedSignature {
  // The signature comes first: nothing is read from bytes that nobody vouches for.
  const scheme = findScheme(publicKey, payload, decodeSignature(signature))
  const parsed = parsePayload(payload)
  requireImage(parsed, expected)
  return { payload: parsed, scheme }
}

/**
 * Decodes the text of a signature.
 *
 * @param text Standard base64, padded; white space is ignored.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE_TEXT if it is anything else, or empty.
 */
export function decodeSignature(text: string): Uint8Array {
  const bare = text.replace(/[ \t\r\n]+/g, '')
  try {
    const bytes = decodeBase64(bare)
    if (bytes.length > 0) return bytes
  } catch (cause) {
    throw notBase64(cause)
  }
  throw notBase64()
}

function notBase64(cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_VERIFY_SIGNATURE_TEXT',
    'expected a signature in standard base64, found something else',
    { cause },
  )
}

/** The schemes in which each kind of key signs images. */
function schemesOf(publicKey: Uint8Array): readonly SignatureScheme[] {
  const algorithm = identifyPublicKey(publicKey)
  if (ALGORITHMS[algorithm].keyType === 'rsa') return [{ hash: 'sha256', rsaPadding: 'pkcs1' }]
  if (algorithm === 'ecdsa-p384') return [{ hash: 'sha256' }, { hash: 'sha384' }]
  if (algorithm === 'ecdsa-p521') return [{ hash: 'sha256' }, { hash: 'sha512' }]
  return [{ hash: 'sha256' }]
}

function findScheme(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): SignatureScheme {
  let failure: unknown
  for (const scheme of schemesOf(publicKey)) {
    try {
      verifySignature(publicKey, message, signature, scheme)
      return scheme
    } catch (cause) {
      if (!(cause instanceof ChanceryError) || cause.code !== 'ERR_CRYPTO_SIGNATURE') throw cause
      failure = cause
    }
  }
  throw new ChanceryError(
    'ERR_VERIFY_SIGNATURE',
    `the signature was not made by the ${identifyPublicKey(publicKey)} key given over this payload`,
    {
      cause: failure,
      hints: ['Either another key signed, or the payload was changed after it was signed.'],
    },
  )
}

function parsePayload(bytes: Uint8Array): SimpleSigningPayload {
  try {
    return parseSimpleSigning(bytes)
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw new ChanceryError('ERR_VERIFY_PAYLOAD', `the signed payload: ${cause.message}`, { cause })
  }
}

function requireImage(payload: SimpleSigningPayload, expected: ExpectedImage): void {
  if (payload.manifestDigest !== expected.digest) {
    throw new ChanceryError(
      'ERR_VERIFY_DIGEST',
      `expected a signature for ${expected.digest}, found one for ${payload.manifestDigest}`,
    )
  }
  if (expected.repositories !== 'any') requireRepository(payload, expected.repositories)
  for (const [name, value] of Object.entries(expected.annotations ?? {})) {
    const found = ownMember(payload.annotations, name)
    if (found === value) continue
    const what = typeof found === 'string' ? `"${printable(found)}"` : 'none'
    throw new ChanceryError(
      'ERR_VERIFY_ANNOTATION',
      `expected the signed annotation "${name}" to be "${value}", found ${what}`,
    )
  }
}

function requireRepository(payload: SimpleSigningPayload, repositories: readonly string[]): void {
  const allowed = repositories.map((name) => normaliseRepository(name))
  if (allowed.includes(repositoryOf(payload))) return
  throw new ChanceryError(
    'ERR_VERIFY_IDENTITY',
    `expected a signature for ${repositories.join(' or ')}, ` +
      `found one for ${printable(payload.dockerReference)}`,
    {
      hints: [
        'If the image was signed under this name and then copied, say --allow-identity NAME.',
      ],
    },
  )
}

/** The repository of the signed reference, in the form that is compared; the text itself where it is no reference. */
function repositoryOf(payload: SimpleSigningPayload): string {
  try {
    return normaliseRepository(referenceContext(parseReference(payload.dockerReference)))
  } catch (cause) {
    if (cause instanceof ChanceryError) return payload.dockerReference
    throw cause
  }
}

function ownMember(members: SimpleSigningPayload['annotations'], name: string): unknown {
  return members !== null && Object.hasOwn(members, name) ? members[name] : undefined
}

/** What a stranger wrote, made safe to show in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
