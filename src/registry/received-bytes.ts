import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { RepositoryName } from './origins.ts'

/** `sha256:<hex>` of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}

/**
 * Holds what a registry sent to the digest it was asked for by.
 *
 * @param expected `sha256:<hex>`.
 * @throws ChanceryError ERR_REGISTRY_DIGEST if they are other bytes.
 */
export function requireDigest(
  repository: RepositoryName,
  bytes: Uint8Array,
  expected: string,
): void {
  const found = digestOf(bytes)
  if (found === expected) return
  throw new ChanceryError(
    'ERR_REGISTRY_DIGEST',
    `${repository.registry} sent other bytes than asked for: expected ${expected}, found ${found}`,
    { hints: ['The registry, or something before it, is broken or not to be trusted.'] },
  )
}
