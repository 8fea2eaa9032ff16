import { ChanceryError } from '../errors/chancery-error.ts'
import { isSha256Digest } from './oci-digest.ts'

/** The predicate type of a statement that is an image's signature. Source: Cosign 3. */
export const COSIGN_SIGNATURE_PREDICATE = 'https://sigstore.dev/cosign/sign/v1'

/** What the signature of an image says. */
export interface ImageStatementContent {
  /** `registry/repository`, as `referenceContext` of `oci-reference.ts` prints it. */
  readonly name: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly manifestDigest: string
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/**
 * Prints the in-toto statement of an image's signature: the members that Cosign 3 writes, in its order, and the
 * image's name, which Cosign leaves out and accepts. No white space; annotations are sorted, and `{}` where there are none.
 * Equal contents give equal bytes.
 *
 * @throws ChanceryError ERR_FORMAT_DIGEST if `manifestDigest` is not a sha256 digest.
 * Source: Cosign 3, `sign`; in-toto attestation, spec/v1/statement.md.
 */
export function encodeImageStatement(content: ImageStatementContent): Uint8Array {
  const { name, manifestDigest, annotations = {} } = content
  if (!isSha256Digest(manifestDigest)) {
    throw new ChanceryError(
      'ERR_FORMAT_DIGEST',
      'expected "sha256:" and 64 lower-case hexadecimal digits',
      { field: 'manifestDigest' },
    )
  }
  const sorted = Object.entries(annotations)
    .map(([key, value]) => [key.toWellFormed(), value.toWellFormed()] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1))
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        name,
        digest: { sha256: manifestDigest.slice('sha256:'.length) },
        annotations: Object.fromEntries(sorted),
      },
    ],
    predicateType: COSIGN_SIGNATURE_PREDICATE,
    predicate: {},
  }
  return new TextEncoder().encode(JSON.stringify(statement))
}
