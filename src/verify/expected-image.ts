import { ChanceryError } from '../errors/chancery-error.ts'
import { normaliseRepository, parseReference, referenceContext } from '../format/oci-reference.ts'
import { parseSimpleSigning, type SimpleSigningPayload } from '../format/simple-signing.ts'

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

/**
 * Reads a signed Cosign metadata file and holds it against the image; the signature over it must have been verified.
 *
 * @throws ChanceryError ERR_VERIFY_PAYLOAD if it is not a Cosign metadata file.
 * @throws ChanceryError ERR_VERIFY_DIGEST, ERR_VERIFY_IDENTITY or ERR_VERIFY_ANNOTATION if it is about another image,
 * another repository, or lacks an annotation.
 */
export function readSignedPayload(
  bytes: Uint8Array,
  expected: ExpectedImage,
): SimpleSigningPayload {
  const payload = parsePayload(bytes)
  if (payload.manifestDigest !== expected.digest) {
    throw new ChanceryError(
      'ERR_VERIFY_DIGEST',
      `expected a signature for ${expected.digest}, found one for ${payload.manifestDigest}`,
    )
  }
  requireRepository(payload.dockerReference, expected.repositories)
  requireAnnotations(payload.annotations ?? {}, expected.annotations ?? {})
  return payload
}

function parsePayload(bytes: Uint8Array): SimpleSigningPayload {
  try {
    return parseSimpleSigning(bytes)
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw new ChanceryError('ERR_VERIFY_PAYLOAD', `the signed payload: ${cause.message}`, { cause })
  }
}

/**
 * Checks for which repository something was signed.
 *
 * @param reference What was signed; a tag or a digest in it does not count.
 * @throws ChanceryError ERR_VERIFY_IDENTITY if it is none of the repositories.
 */
export function requireRepository(
  reference: string,
  repositories: ExpectedImage['repositories'],
): void {
  if (repositories === 'any') return
  const allowed = repositories.map((name) => normaliseRepository(name))
  if (allowed.includes(repositoryOf(reference))) return
  throw new ChanceryError(
    'ERR_VERIFY_IDENTITY',
    `expected a signature for ${repositories.join(' or ')}, found one for ${printable(reference)}`,
    {
      hints: [
        'If the image was signed under this name and then copied, say --allow-identity NAME.',
      ],
    },
  )
}

/** The repository of a signed reference, in the form that is compared; the text itself where it is no reference. */
function repositoryOf(reference: string): string {
  try {
    return normaliseRepository(referenceContext(parseReference(reference)))
  } catch (cause) {
    if (cause instanceof ChanceryError) return reference
    throw cause
  }
}

/**
 * Checks that annotations were signed, with exactly the values that are expected.
 *
 * @param signed As they were signed; values are any JSON.
 * @throws ChanceryError ERR_VERIFY_ANNOTATION if one is missing or has another value.
 */
export function requireAnnotations(
  signed: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(expected)) {
    const found = Object.hasOwn(signed, name) ? signed[name] : undefined
    if (found !== undefined && found === value) continue
    const what = typeof found === 'string' ? `"${printable(found)}"` : 'none'
    throw new ChanceryError(
      'ERR_VERIFY_ANNOTATION',
      `expected the signed annotation "${name}" to be "${value}", found ${what}`,
    )
  }
}

/** What a stranger wrote, made safe to show in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
