import { ChanceryError } from '../errors/chancery-error.ts'
import { MAX_BUNDLE_BYTES, parseBundle, type Bundle } from '../format/bundle.ts'
import { parseEnvelope } from '../format/dsse.ts'
import { parseJson } from '../format/json.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { mayBeBundle, readBundle } from './find-bundle.ts'
import { verifyBundle } from '../verify/verify-bundle.ts'
import { artifactsUnderTag } from './artifacts-under-tag.ts'
import { ByteAllowance, isBeyondAllowance } from './byte-allowance.ts'
import { attestationTag, DSSE_LAYER, predicateTypeOf } from './attestation-manifest.ts'
import { listReferrers } from './referrers.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { ImageByDigest } from './resolve-image.ts'

/** Whose attestations are looked for, and of which type. */
export interface AttestationOwner {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  readonly predicateType: string
}

/** An attestation of a key, under Cosign's tag. */
export interface OwnAttestation {
  readonly layer: Descriptor
  /** The text of the statement. */
  readonly statement: Uint8Array
}

/** What {@link findOwnAttestations} found. */
export interface OwnAttestations {
  /** What the tag of attestations held; undefined if there was none. */
  readonly found: PulledManifest | undefined
  readonly own: readonly OwnAttestation[]
}

/**
 * The attestations of a type that a key has made about an image, of those under Cosign's tag. One that cannot be
 * verified is somebody else's; so is one that is more than may still be read of the image.
 *
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if the tag holds something else; besides, what {@link RegistryClient}
 * throws.
 */
export async function findOwnAttestations(
  client: RegistryClient,
  image: ImageByDigest,
  owner: AttestationOwner,
  signal?: AbortSignal,
): Promise<OwnAttestations> {
  const tag = attestationTag(image.digest)
  const found = await client.findManifest(image.repository, tag, signal)
  const allowance = new ByteAllowance(client.maxAttachedBytes)
  const own: OwnAttestation[] = []
  for (const layer of artifactsUnderTag.entriesOf(found)) {
    if (layer.mediaType !== DSSE_LAYER || layer.size > MAX_BUNDLE_BYTES) continue
    // What a layer claims spares reading it; what counts is in the envelope.
    if ((predicateTypeOf(layer) ?? owner.predicateType) !== owner.predicateType) continue
    const { digest, size } = layer
    if (!mayTake(allowance, size)) continue
    const envelope = await client.blobs.get(image.repository, digest, size, signal)
    const statement = orUndefined(() => verifyEnvelope(envelope, image, owner))
    if (statement !== undefined) own.push({ layer, statement })
  }
  return { found, own }
}

function mayTake(allowance: ByteAllowance, bytes: number): boolean {
  try {
    allowance.take(bytes)
    return true
  } catch (error) {
    if (isBeyondAllowance(error)) return false
    throw error
  }
}

/** An attestation of a key in a bundle. */
export interface OwnBundle {
  /** Digest of the referrer. */
  readonly digest: string
  /** The text of the statement. */
  readonly statement: Uint8Array
}

/**
 * The referrers that are bundles of such attestations.
 *
 * @throws ChanceryError what `listReferrers` and {@link RegistryClient} throw.
 */
export async function findOwnBundles(
  client: RegistryClient,
  image: ImageByDigest,
  { publicKey, predicateType }: AttestationOwner,
  signal?: AbortSignal,
): Promise<readonly OwnBundle[]> {
  const { repository } = image
  const { descriptors } = await listReferrers(client, repository, image.digest, { signal })
  const own: OwnBundle[] = []
  const allowance = new ByteAllowance(client.maxAttachedBytes)
  for (const { digest } of descriptors.filter((one) => mayBeBundle(one, predicateType))) {
    const bytes = await readBundle(client, image, digest, MAX_BUNDLE_BYTES, { allowance, signal })
    if (bytes === undefined) continue
    const statement = orUndefined(() => {
      const bundle: Bundle = { ...parseBundle(bytes), signer: { kind: 'publicKey' } }
      const expected = { artifact: { digest: image.digest }, predicateType }
      verifyBundle(bundle, { publicKey }, expected, new Date())
      return bundle.content.kind === 'envelope' ? bundle.content.payload : undefined
    })
    if (statement !== undefined) own.push({ digest, statement })
  }
  return own
}

/** What a check returns; undefined if it refuses. */
function orUndefined<T>(check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof ChanceryError) || error.code === 'ERR_CRYPTO_KEY') throw error
    return undefined
  }
}

/**
 * Verifies the envelope of an attestation with a key.
 *
 * @param owner Whose it has to be; `any` accepts every predicate type.
 * @returns The text of the statement.
 * @throws ChanceryError what `verifyBundle` throws; ERR_FORMAT_DSSE or ERR_FORMAT_JSON if it is no envelope.
 */
export function verifyEnvelope(
  envelope: Uint8Array,
  { digest }: ImageByDigest,
  { publicKey, predicateType }: AttestationOwner,
): Uint8Array {
  const content = parseEnvelope(parseJson(envelope, { maxBytes: MAX_BUNDLE_BYTES }))
  const bundle: Bundle = {
    version: '0.3',
    content: { kind: 'envelope', ...content },
    signer: { kind: 'publicKey' },
    logEntries: [],
    timestamps: [],
  }
  verifyBundle(bundle, { publicKey }, { artifact: { digest }, predicateType }, new Date())
  return content.payload
}
