import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseManifest } from '../format/oci-manifest.ts'
import { mergeIntoTag } from './merge-into-tag.ts'
import type { RepositoryName } from './origins.ts'
import { artifactTypeOf, describeReferrer, fallbackTag, REFERRERS } from './referrers-index.ts'
import { listByApi, type ApiListOptions } from './referrers-api.ts'
import type { SeenTag } from './referrers.ts'
import type { RegistryClient, StoredManifest } from './registry-client.ts'
import { pause } from './retry.ts'

/** What became of a referrer. */
export interface PushedReferrer {
  /** `sha256:<hex>` of its manifest. */
  readonly digest: string
  /** Where it is listed: by the referrers API, or under the fallback tag. */
  readonly listedBy: 'api' | 'tag'
}

/** How a referrer is pushed. */
export interface PushOptions {
  /** What the fallback tag held a moment ago; spares reading it again. */
  readonly seen?: SeenTag | undefined
  readonly signal?: AbortSignal | undefined
}

/** A manifest ready to be stored. */
export interface EncodedReferrer {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** What is stored where the registry refuses a referrer. */
export interface RefusedPushOptions extends PushOptions {
  /** Makes a plainer manifest with the same subject, all of whose blobs are there. */
  readonly insteadOfRefused?: () => Promise<EncodedReferrer>
}

/** How often the API is asked whether it lists what was just stored: some take a moment. */
const MAX_LOOKS = 6
const FIRST_PAUSE_MS = 100
const MAX_ATTEMPTS = 4

/**
 * Stores a manifest that has a subject, by its digest, and makes sure that it is listed: the referrers API is trusted
 * only when it lists it; where there is none, the fallback tag gets an entry, without losing those of others
 * ({@link mergeIntoTag}).
 *
 * Its blobs have to be there. Idempotent; may be called concurrently, what is to be listed under one tag is written at
 * once.
 *
 * @throws ChanceryError ERR_FORMAT_OCI_MANIFEST if the bytes are no manifest with a subject.
 * @throws ChanceryError ERR_REGISTRY_IMMUTABLE_TAG if there is no referrers API and the fallback tag may not be changed:
 * such a repository cannot hold a second referrer.
 * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if the registry has the API and does not list it.
 * Source: OCI distribution-spec 1.1, "Pushing Manifests with Subject".
 */
export async function pushReferrer(
  client: RegistryClient,
  repository: RepositoryName,
  first: EncodedReferrer,
  { seen, signal, insteadOfRefused }: RefusedPushOptions = {},
): Promise<PushedReferrer> {
  const { manifest, stored } = await store(client, repository, first, insteadOfRefused, signal)
  const parsed = parseManifest(manifest.bytes, manifest.mediaType)
  const { digest } = stored
  const subjectDigest = requireSubject(parsed)
  const isRecognised = stored.subjectDigest === subjectDigest
  const options = { isApiKnown: isRecognised, signal }
  const listing = await awaitListing(client, repository, subjectDigest, digest, options)
  if (listing === 'listed') return { digest, listedBy: 'api' }
  if (listing === 'not-listed' && isRecognised) {
    throw new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `${repository.registry} stored ${digest} and does not list it as a referrer of ${subjectDigest}`,
      { hints: ['Try again: what is stored already is not stored twice.'] },
    )
  }
  const artifactType = artifactTypeOf(parsed)
  const entry = describeReferrer({
    mediaType: manifest.mediaType,
    size: manifest.bytes.length,
    digest,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(parsed.annotations === undefined ? {} : { annotations: parsed.annotations }),
  })
  const isStoodForBy = (existing: { readonly digest: string }) => existing.digest === digest
  const addition = { entry, isStoodForBy, seen, signal }
  await mergeIntoTag(client, repository, fallbackTag(subjectDigest), REFERRERS, addition)
  return { digest, listedBy: 'tag' }
}

/** Stores a manifest, or else the one that takes its place. */
async function store(
  client: RegistryClient,
  repository: RepositoryName,
  manifest: EncodedReferrer,
  instead: RefusedPushOptions['insteadOfRefused'],
  signal: AbortSignal | undefined,
): Promise<{ readonly manifest: EncodedReferrer; readonly stored: StoredManifest }> {
  requireSubject(parseManifest(manifest.bytes, manifest.mediaType))
  try {
    return { manifest, stored: await storeByDigest(client, repository, manifest, signal) }
  } catch (error) {
    if (instead === undefined || !isRefusal(error) || signal?.aborted === true) throw error
    const plainer = await instead()
    return { manifest: plainer, stored: await storeByDigest(client, repository, plainer, signal) }
  }
}

function requireSubject({ subject }: ReturnType<typeof parseManifest>): string {
  if (subject !== undefined) return subject.digest
  throw new ChanceryError('ERR_FORMAT_OCI_MANIFEST', 'expected a manifest with a subject')
}

function isRefusal(error: unknown): boolean {
  return error instanceof ChanceryError && error.code === 'ERR_REGISTRY_REFUSED'
}

/**
 * Distribution 2.8 refuses a manifest, now and then, with DIGEST_INVALID or MANIFEST_BLOB_UNKNOWN while another writer
 * links one of its blobs, the empty one for example; a moment later it takes it.
 */
async function storeByDigest(
  client: RegistryClient,
  repository: RepositoryName,
  manifest: EncodedReferrer,
  signal: AbortSignal | undefined,
): Promise<StoredManifest> {
  const digest = `sha256:${sha256Hex(manifest.bytes)}`
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.storeManifest(repository, digest, manifest, { signal })
    } catch (error) {
      if (!isRefusal(error) || attempt === MAX_ATTEMPTS || signal?.aborted === true) throw error
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (1 + Math.random()), signal)
    }
  }
}

async function awaitListing(
  client: RegistryClient,
  repository: RepositoryName,
  subjectDigest: string,
  digest: string,
  options: ApiListOptions,
): Promise<'listed' | 'not-listed' | 'no-api'> {
  for (let look = 1; ; look++) {
    const listed = await listByApi(client, repository, subjectDigest, options)
    if (listed === undefined) return 'no-api'
    if (listed.some((one) => one.digest === digest)) return 'listed'
    if (look === MAX_LOOKS) return 'not-listed'
    await pause(FIRST_PAUSE_MS * 2 ** (look - 1), options.signal)
  }
}
