import { ChanceryError } from '../errors/chancery-error.ts'
import { parseBundle, type Bundle } from '../format/bundle.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { referenceContext } from '../format/oci-reference.ts'
import { verifyBundle } from '../verify/verify-bundle.ts'
import { ByteAllowance, isBeyondAllowance } from './byte-allowance.ts'
import { DoneLately } from './done-lately.ts'
import { embeddedContent } from './embedded-content.ts'
import { inParallel } from './in-parallel.ts'
import { PREDICATE_TYPE_ANNOTATION } from './publish-bundle.ts'
import { bundleLayerOf, isBundleType } from './published-artifacts.ts'
import { isUnreadable, listReferrers, type ReferrersOptions, type SeenTag } from './referrers.ts'
import type { RegistryClient } from './registry-client.ts'
import type { ImageByDigest } from './resolve-image.ts'

/** What a bundle has to be: a signature over a statement about an image. */
export interface WantedBundle {
  /** The text of the statement, byte for byte. */
  readonly statement: Uint8Array
  /** Of the statement. */
  readonly predicateType: string
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** DER; undefined for a bundle that names a key. */
  readonly certificate: Uint8Array | undefined
}

/** A bundle beside an image. */
export interface FoundBundle {
  /** `sha256:<hex>` of the referrer. */
  readonly digest: string
  /** JSON, as the registry has it. */
  readonly bytes: Uint8Array
}

/** What {@link findBundle} found. */
export interface LookedForBundle {
  /** Undefined if the image has none like this. */
  readonly bundle: FoundBundle | undefined
  /** What the fallback tag held, if it was looked at. */
  readonly seen: SeenTag | undefined
}

/** The most bytes of a bundle besides the base64 of its statement. */
const MAX_OTHER_BYTES = 3 * 1024 * 1024
const PULLS_AT_ONCE = 8

/**
 * Looks for the signature of a key over a statement that an image has already as a bundle. What lists say of a referrer
 * spares reading it, and makes none count: only a bundle whose signature verifies does.
 *
 * @throws ChanceryError what `listReferrers` and {@link RegistryClient} throw.
 */
export async function findBundle(
  client: RegistryClient,
  image: ImageByDigest,
  wanted: WantedBundle,
  { mayHaveTag, signal }: Pick<ReferrersOptions, 'mayHaveTag' | 'signal'> = {},
): Promise<LookedForBundle> {
  const { repository, digest } = image
  const options = { mayHaveTag, signal }
  const { descriptors, seen } = await listReferrers(client, repository, digest, options)
  const allowance = new ByteAllowance(client.maxAttachedBytes)
  const found = await inParallel(
    descriptors.filter((one) => mayBeBundle(one, wanted.predicateType)),
    PULLS_AT_ONCE,
    (one) => readWanted(client, image, one.digest, wanted, { allowance, signal }),
  )
  return { bundle: found.find((one) => one !== undefined), seen }
}

/** Repositories from which a bundle was read back just now, by their names. */
const READ_BACK = new WeakMap<RegistryClient, DoneLately>()

/**
 * Reads a bundle back that was published and is listed as a referrer, and verifies what was read.
 *
 * Of several that are published in one repository one is read: what a registry takes under a digest can be nothing else,
 * and whether this registry hands out what it takes is known after the first.
 *
 * @param published Digest of the referrer.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if it is not the signature that is wanted; besides, what
 * {@link RegistryClient} throws.
 */
export async function verifyPublishedBundle(
  client: RegistryClient,
  image: ImageByDigest,
  published: string,
  wanted: WantedBundle,
  signal?: AbortSignal,
): Promise<void> {
  const known = READ_BACK.get(client) ?? new DoneLately()
  READ_BACK.set(client, known)
  await known.once(referenceContext(image.repository), async () => {
    const bytes = await pullBundle(client, image, published, maxBytesOf(wanted), { signal })
    if (bytes !== undefined && isWanted(bytes, image, wanted)) return
    throw new ChanceryError(
      'ERR_VERIFY_SIGNATURE',
      `expected the bundle ${published} to verify, found that it does not`,
    )
  })
}

/** Whether a referrer may be the bundle of a statement of this type, by what a list says of it. */
export function mayBeBundle(
  { artifactType, annotations = {} }: Descriptor,
  wantedType: string,
): boolean {
  const predicateType = annotations[PREDICATE_TYPE_ANNOTATION]
  return (
    // Older writers of the fallback tag have the type of an empty configuration there.
    (artifactType === undefined || isBundleType(artifactType) || artifactType === EMPTY_TYPE) &&
    (predicateType === undefined || predicateType === wantedType)
  )
}

const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'

async function readWanted(
  client: RegistryClient,
  image: ImageByDigest,
  digest: string,
  wanted: WantedBundle,
  reading: BundleReading,
): Promise<FoundBundle | undefined> {
  const bytes = await readBundle(client, image, digest, maxBytesOf(wanted), reading)
  return bytes !== undefined && isWanted(bytes, image, wanted) ? { digest, bytes } : undefined
}

function maxBytesOf({ statement }: WantedBundle): number {
  return Math.ceil(statement.length / 3) * 4 + MAX_OTHER_BYTES
}

/** How a bundle is read. */
export interface BundleReading {
  /** What is read is counted against it. */
  readonly allowance?: ByteAllowance
  readonly signal: AbortSignal | undefined
}

/**
 * The bundle that a referrer is; undefined if it is something else, or larger, or cannot be read, or is more than may
 * still be read of the image: no verifier would accept it, and whoever can push one must keep nobody from signing.
 */
export async function readBundle(
  client: RegistryClient,
  image: ImageByDigest,
  digest: string,
  maxBytes: number,
  reading: BundleReading,
): Promise<Uint8Array | undefined> {
  try {
    return await pullBundle(client, image, digest, maxBytes, reading)
  } catch (error) {
    const isGone = error instanceof ChanceryError && error.code === 'ERR_REGISTRY_NOT_FOUND'
    if (isGone || isUnreadable(error) || isBeyondAllowance(error)) return undefined
    throw error
  }
}

async function pullBundle(
  client: RegistryClient,
  image: ImageByDigest,
  digest: string,
  maxBytes: number,
  { allowance, signal }: BundleReading,
): Promise<Uint8Array | undefined> {
  const pulled = await client.findManifest(image.repository, digest, signal, allowance)
  if (pulled?.manifest.subject?.digest !== image.digest) return undefined
  const layer = bundleLayerOf({ pulled })
  if (layer === undefined || layer.size > maxBytes) return undefined
  const embedded = embeddedContent(layer)
  if (embedded !== undefined) return embedded
  allowance?.take(layer.size)
  return client.blobs.get(image.repository, layer.digest, layer.size, signal)
}

/**
 * Whether a bundle is the signature of a key over a statement about an image.
 *
 * @throws ChanceryError ERR_CRYPTO_KEY if the key is none.
 */
export function isWanted(
  bytes: Uint8Array,
  { digest }: ImageByDigest,
  { statement, predicateType, publicKey, certificate }: WantedBundle,
): boolean {
  try {
    const bundle = parseBundle(bytes)
    const { content, signer } = bundle
    if (content.kind !== 'envelope' || !isSame(content.payload, statement)) return false
    if (!hasSigner(signer, certificate)) return false
    // The certificate is the one that is wanted, so that its key is what has to have signed.
    const byKey: Bundle = { ...bundle, signer: { kind: 'publicKey' } }
    const expected = { artifact: { digest }, predicateType }
    verifyBundle(byKey, { publicKey }, expected, new Date())
    return true
  } catch (error) {
    if (!(error instanceof ChanceryError) || error.code === 'ERR_CRYPTO_KEY') throw error
    return false
  }
}

function hasSigner(signer: Bundle['signer'], certificate: Uint8Array | undefined): boolean {
  if (certificate === undefined) return signer.kind === 'publicKey'
  return signer.kind === 'certificate' && isSame(signer.certificate, certificate)
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
