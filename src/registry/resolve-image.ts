import type { ImageReference } from '../format/oci-reference.ts'
import { referenceContext } from '../format/oci-reference.ts'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import type { RepositoryName } from './origins.ts'
import type { RegistryClient } from './registry-client.ts'

/** An image by the one name that cannot move. */
export interface ImageByDigest {
  readonly repository: RepositoryName
  /** `sha256:<hex>` of the manifest or index. */
  readonly digest: string
}

/** An image that was looked up, with what a referrer says of its subject. */
export interface ResolvedImage extends ImageByDigest {
  readonly mediaType: string
  /** Bytes of the manifest or index. */
  readonly size: number
}

/**
 * Finds out which image a reference means, once: everything later works with the digest, so a tag that moves meanwhile
 * changes nothing.
 *
 * The digest is computed from the manifest's bytes; what the registry says in a header has to agree. Bytes that could
 * be taken for both an image and an index have no answer here. With a digest in it, the tag of a reference is ignored,
 * as Cosign does.
 *
 * @throws ChanceryError ERR_REGISTRY_NOT_FOUND if there is no such image; besides, what {@link RegistryClient} throws.
 */
export async function resolveImage(
  client: RegistryClient,
  reference: ImageReference,
  signal?: AbortSignal,
): Promise<ResolvedImage> {
  const repository = repositoryOf(reference)
  const name = reference.digest ?? reference.tag ?? 'latest'
  const { digest, mediaType, bytes } = await client.getManifest(repository, name, signal)
  return { repository, digest, mediaType, size: bytes.length }
}

/**
 * The Cosign metadata file of an image: byte for byte what `cosign generate` prints.
 *
 * Only a tag is looked up; a reference with a digest needs no registry, as with Cosign.
 *
 * @throws ChanceryError what {@link resolveImage} throws.
 */
export async function generatePayload(
  client: RegistryClient,
  reference: ImageReference,
  annotations: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const digest = reference.digest ?? (await resolveImage(client, reference, signal)).digest
  return encodeSimpleSigning({
    dockerReference: referenceContext(reference),
    manifestDigest: digest,
    annotations,
  })
}

function repositoryOf({ registry, repository }: ImageReference): RepositoryName {
  return { registry, repository }
}
