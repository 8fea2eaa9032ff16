import { ChanceryError } from '../errors/chancery-error.ts'

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** A digest of one of the two algorithms that OCI registers. Source: OCI image-spec, descriptor.md, "Digests". */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512'
  /** The hash in lower-case hexadecimal, 64 or 128 digits. */
  readonly hex: string
}

/** True for `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text)
}

/** True for `sha256:` and 64 lower-case hexadecimal digits: the only digests that Cosign signs. */
export function isSha256Digest(text: string): boolean {
  return text.length === 71 && DIGEST.test(text)
}

/**
 * Reads `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits.
 *
 * @param field The input the text came from.
 * @throws ChanceryError ERR_FORMAT_DIGEST if the text is anything else.
 */
export function parseDigest(text: string, field?: string): Digest {
  if (!DIGEST.test(text)) {
    throw new ChanceryError(
      'ERR_FORMAT_DIGEST',
      'expected a digest: "sha256:" and 64 lower-case hexadecimal digits',
      field === undefined ? {} : { field },
    )
  }
  return { algorithm: text.startsWith('sha256') ? 'sha256' : 'sha512', hex: text.slice(7) }
}
