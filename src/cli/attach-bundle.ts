import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseBundle } from '../format/bundle.ts'
import { parseStatement } from '../format/in-toto.ts'
import { publishBundle } from '../registry/publish-bundle.ts'
import { bundleLayerOf } from '../registry/published-artifacts.ts'
import { ByteAllowance } from '../registry/byte-allowance.ts'
import { findReferrers } from '../registry/referrers.ts'
import type { RegistryClient } from '../registry/registry-client.ts'
import type { ImageByDigest } from '../registry/resolve-image.ts'
import { verifyBundle } from '../verify/verify-bundle.ts'

/**
 * Checks that a bundle is about an image, and with a key that this key signed it.
 *
 * @param publicKey DER SubjectPublicKeyInfo.
 * @returns The predicate type of the statement in it.
 * @throws ChanceryError ERR_VERIFY_CONTENT, ERR_VERIFY_DIGEST if it is about something else; what `verifyBundle` throws.
 */
export function requireBundleOf(
  bytes: Uint8Array,
  { digest }: ImageByDigest,
  publicKey: Uint8Array | undefined,
): string {
  const bundle = parseBundle(bytes)
  if (bundle.content.kind !== 'envelope') {
    throw new ChanceryError(
      'ERR_VERIFY_CONTENT',
      'expected the bundle of a statement about an image, found that of a file',
    )
  }
  const { predicateType, subjects } = parseStatement(bundle.content.payload)
  if (publicKey !== undefined) {
    const byKey = { ...bundle, signer: { kind: 'publicKey' } } as const
    verifyBundle(byKey, { publicKey }, { artifact: { digest }, predicateType }, new Date())
  } else if (!subjects.some((one) => `sha256:${one.digest['sha256'] ?? ''}` === digest)) {
    const found = subjects.slice(0, 3).map((one) => `sha256:${one.digest['sha256'] ?? '?'}`)
    throw new ChanceryError(
      'ERR_VERIFY_DIGEST',
      `expected a statement about ${digest}, found one about ${found.join(', ')}`,
    )
  }
  return predicateType
}

/** What became of a bundle. */
export interface AttachedBundle {
  readonly outcome: 'attached' | 'already-attached'
  /** `sha256:<hex>` of the referrer. */
  readonly digest: string
}

/**
 * Publishes a bundle as it is, unless the image has it.
 *
 * @throws ChanceryError what `findReferrers` and `publishBundle` throw.
 */
export async function publishBundleOnce(
  client: RegistryClient,
  image: ImageByDigest,
  { bytes, predicateType }: { readonly bytes: Uint8Array; readonly predicateType: string },
  signal: AbortSignal,
): Promise<AttachedBundle> {
  const allowance = new ByteAllowance(client.maxAttachedBytes)
  const options = { allowance, signal }
  const before = await findReferrers(client, image.repository, image.digest, options)
  const layer = `sha256:${sha256Hex(bytes)}`
  const same = before.referrers.find((one) => bundleLayerOf(one)?.digest === layer)
  if (same !== undefined) return { outcome: 'already-attached', digest: same.descriptor.digest }
  const bundle = { bytes, predicateType, createdAt: new Date() }
  const { digest } = await publishBundle(client, image, bundle, { signal })
  return { outcome: 'attached', digest }
}
