import { sha256Hex } from '../crypto/digest.ts'
import { randomBytes } from '../crypto/random.ts'
import { encodeBase64 } from '../format/base64.ts'

const TOKEN_BYTES = 33

/** The length of every token in characters. */
export const TOKEN_LENGTH = 44

/** A new secret, and what is kept of it. */
export interface NewToken {
  /** 264 random bits: standard base64, 44 characters, never padded. It is shown once and stored nowhere. */
  readonly token: string
  /** Lower-case hex SHA-256 of the token's characters. */
  readonly hash: string
}

/** Makes a token for an API user or a trusted build system. */
export function createToken(): NewToken {
  const token = encodeBase64(randomBytes(TOKEN_BYTES))
  return { token, hash: hashToken(token) }
}

/**
 * What the audit log has of a token, so that one that was put in its place shows.
 *
 * @param hash As {@link hashToken} makes it, from which it tells nothing.
 * @returns Lower-case hex SHA-256 of the hash.
 */
export function fingerprintToken(hash: string): string {
  return sha256Hex(hash)
}

/**
 * What a token is found by. One pass of SHA-256 is enough: a token is random and long, so there is nothing to guess.
 *
 * @returns Lower-case hex SHA-256 of the text in UTF-8.
 */
export function hashToken(token: string): string {
  return sha256Hex(token)
}
