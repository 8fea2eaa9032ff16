import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import { isSha256Digest, parseDigest } from '../format/oci-digest.ts'
import {
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
  parseManifest,
  type Descriptor,
  type ImageIndex,
} from '../format/oci-manifest.ts'
import type { ArtifactSource } from './artifact-store.ts'
import { verifiedChunks } from './blob-stream.ts'
import { tagOf } from './image-tree.ts'
import { artifactTypeOf } from './referrers-index.ts'
import type { Referrer } from './referrers.ts'
import { MAX_MANIFEST_BYTES, type PulledManifest } from './registry-client.ts'
import { openRegularFile, readRegularFile } from './regular-file.ts'

/** Annotation of an entry: its tag. Source: image-spec, "Pre-Defined Annotation Keys". */
export const REFERENCE_ANNOTATION = 'org.opencontainers.image.ref.name'
/** Annotation of an entry: what Cosign takes it for. */
export const KIND_ANNOTATION = 'kind'
/** The values of {@link KIND_ANNOTATION}. Source: Cosign, pkg/oci/layout. */
export const COSIGN_KINDS = {
  image: 'dev.cosignproject.cosign/image',
  index: 'dev.cosignproject.cosign/imageIndex',
  signature: 'dev.cosignproject.cosign/sigs',
  attestation: 'dev.cosignproject.cosign/atts',
} as const

const MAX_FILES = 20_000

/** An OCI image layout: an image with what belongs to it, in a directory. Source: OCI image-spec, image-layout.md. */
export interface OciLayout extends ArtifactSource {
  /** Digest of the image. */
  readonly digest: string
}

/**
 * Opens a layout that holds one image: as `chancery save` or `cosign save` wrote it, or any other with one entry.
 *
 * Cosign does not list bundles in the index of a layout; therefore whatever in it names a manifest as its subject is
 * taken for a referrer of that.
 *
 * @param directory Path of the directory.
 * @throws ChanceryError ERR_REGISTRY_LAYOUT if it is no such layout, or has several images.
 */
export async function openOciLayout(directory: string): Promise<OciLayout> {
  const index = await readIndex(directory)
  const image = findImage(index)
  const tags = findTags(index, image.digest)
  const mediaTypes = new Map(index.manifests.map(({ digest, mediaType }) => [digest, mediaType]))
  const read = (digest: string) => readManifestFile(directory, digest, mediaTypes.get(digest))
  let bySubject: Promise<ReadonlyMap<string, readonly Referrer[]>> | undefined
  return {
    digest: image.digest,
    name: 'the directory',
    repository: undefined,
    async findManifest(reference) {
      const digest = reference.startsWith('sha256:') ? reference : tags.get(reference)
      return digest === undefined ? undefined : read(digest)
    },
    openBlob(descriptor) {
      const content = readBlobFile(directory, descriptor.digest)
      return Promise.resolve(verifiedChunks(content, descriptor, 'the directory'))
    },
    async findReferrers(digest, { isWanted = () => true } = {}) {
      bySubject ??= findReferrersIn(directory, mediaTypes)
      const all = (await bySubject).get(digest) ?? []
      const referrers = all.filter(({ descriptor }) => isWanted(descriptor))
      const passedOver = all.length - referrers.length
      return { source: all.length > 0 ? 'api' : 'none', referrers, refused: [], passedOver }
    },
  }
}

async function readIndex(directory: string): Promise<ImageIndex> {
  const bytes = await readRegularFile(join(directory, 'index.json'), MAX_MANIFEST_BYTES)
  if (bytes === undefined) throw notALayout('a directory with an index.json')
  if (bytes.length > MAX_MANIFEST_BYTES) throw notALayout('an index.json of at most 4 MiB')
  try {
    const index = parseManifest(bytes, OCI_IMAGE_INDEX)
    if (index.kind === 'index') return index
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw notALayout(`an index.json that is an OCI image index: ${cause.message}`, cause)
  }
  throw notALayout('an index.json that is an OCI image index')
}

/** The entry that is the image, by Cosign's annotation or because there is only one. */
function findImage({ manifests }: ImageIndex): Descriptor {
  const kinds: readonly (string | undefined)[] = [COSIGN_KINDS.image, COSIGN_KINDS.index]
  const marked = manifests.filter(({ annotations }) =>
    kinds.includes(annotations?.[KIND_ANNOTATION]),
  )
  const [image, ...others] = marked.length > 0 ? marked : manifests
  if (image === undefined || others.length > 0) throw notALayout('one image in it')
  if (!isSha256Digest(image.digest)) throw notALayout('an image with a SHA-256 digest')
  return image
}

function findTags({ manifests }: ImageIndex, imageDigest: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>()
  for (const { digest, annotations = {} } of manifests) {
    const name = annotations[REFERENCE_ANNOTATION]
    if (name !== undefined) tags.set(name, digest)
    for (const kind of ['signature', 'attestation'] as const) {
      const isOfKind = annotations[KIND_ANNOTATION] === COSIGN_KINDS[kind]
      if (isOfKind && name === undefined) tags.set(tagOf(imageDigest, kind), digest)
    }
  }
  return tags
}

/** The path of a blob; a digest has nothing in it that could lead elsewhere. */
export function blobPath(directory: string, digest: string): string {
  const { algorithm, hex } = parseDigest(digest)
  return join(directory, 'blobs', algorithm, hex)
}

async function* readBlobFile(directory: string, digest: string): AsyncGenerator<Uint8Array> {
  const file = await openRegularFile(blobPath(directory, digest))
  if (file === undefined) throw notALayout(`the blob ${digest} in it`)
  try {
    yield* file.createReadStream() as AsyncIterable<Uint8Array>
  } catch (cause) {
    if (cause instanceof ChanceryError) throw cause
    throw notALayout(`the blob ${digest} in it`, cause)
  }
}

async function readManifestFile(
  directory: string,
  digest: string,
  knownMediaType: string | undefined,
): Promise<PulledManifest | undefined> {
  const bytes = await readRegularFile(blobPath(directory, digest), MAX_MANIFEST_BYTES)
  if (bytes === undefined) return undefined
  if (bytes.length > MAX_MANIFEST_BYTES) throw notALayout('manifests of at most 4 MiB')
  if (`sha256:${sha256Hex(bytes)}` !== digest) {
    throw new ChanceryError('ERR_REGISTRY_DIGEST', `the file of ${digest} has other content`)
  }
  const mediaType = knownMediaType ?? ownMediaType(bytes)
  return { digest, mediaType, bytes, manifest: parseManifest(bytes, mediaType), etag: undefined }
}

/** The media type that a manifest names itself; it may only be left out in OCI ones. */
function ownMediaType(bytes: Uint8Array): string {
  const { mediaType, manifests } = parseJson(bytes) as Readonly<Record<string, unknown>>
  if (typeof mediaType === 'string') return mediaType
  return manifests === undefined ? OCI_IMAGE_MANIFEST : OCI_IMAGE_INDEX
}

async function findReferrersIn(
  directory: string,
  mediaTypes: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly Referrer[]>> {
  const bySubject = new Map<string, Referrer[]>()
  const names = (await readdir(join(directory, 'blobs', 'sha256'))).sort()
  if (names.length > MAX_FILES) throw notALayout(`at most ${MAX_FILES} blobs`)
  for (const name of names) {
    const digest = `sha256:${name}`
    if (!isSha256Digest(digest)) continue
    const pulled = await readIfReferrer(directory, digest, mediaTypes.get(digest))
    const subjectDigest = pulled?.manifest.subject?.digest
    if (pulled === undefined || subjectDigest === undefined) continue
    const { mediaType, bytes, manifest } = pulled
    const artifactType = artifactTypeOf(manifest)
    const descriptor = {
      mediaType,
      digest,
      size: bytes.length,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    }
    bySubject.set(subjectDigest, [...(bySubject.get(subjectDigest) ?? []), { descriptor, pulled }])
  }
  return bySubject
}

/** The blob, if it is a manifest with a subject. */
async function readIfReferrer(
  directory: string,
  digest: string,
  mediaType: string | undefined,
): Promise<PulledManifest | undefined> {
  const bytes = await readRegularFile(blobPath(directory, digest), MAX_MANIFEST_BYTES)
  if (bytes === undefined || bytes.length > MAX_MANIFEST_BYTES) return undefined
  const text = Buffer.from(bytes).toString('latin1')
  const mayBe =
    text.startsWith('{') && text.includes('"subject"') && text.includes('"schemaVersion"')
  if (!mayBe) return undefined
  try {
    return await readManifestFile(directory, digest, mediaType)
  } catch (error) {
    // A blob that only looks like a manifest, unless its content is not what its name says.
    if (error instanceof ChanceryError && error.code !== 'ERR_REGISTRY_DIGEST') return undefined
    throw error
  }
}

function notALayout(expected: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_LAYOUT', `expected ${expected}`, {
    cause,
    hints: [
      'A directory that `chancery save`, `cosign save` or skopeo (oci:) wrote is what is read.',
    ],
  })
}
