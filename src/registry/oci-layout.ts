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
import { badContent } from './answers.ts'
import type { ArtifactSource } from './artifact-store.ts'
import { verifiedChunks } from './blob-stream.ts'
import { DEFAULT_ATTACHED_BYTES } from './byte-allowance.ts'
import { tagOf } from './image-tree.ts'
import { openLayoutFiles, type LayoutFiles } from './layout-files.ts'
import { referrerOf, type Referrer } from './referrers.ts'
import { MAX_MANIFEST_BYTES, type PulledManifest } from './registry-client.ts'

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

const MAX_NAMED = 10

/** An OCI image layout: an image with what belongs to it, in a directory or an archive. Source: OCI image-spec, image-layout.md. */
export interface OciLayout extends ArtifactSource, AsyncDisposable {
  /** Digest of the image. */
  readonly digest: string
}

/**
 * Opens an image of a layout: as `chancery save` or `cosign save` wrote it, or any other.
 *
 * Cosign does not list bundles in the index of a layout; therefore whatever in it names a manifest as its subject is
 * taken for a referrer of that.
 *
 * @param path Path of the directory, or of an uncompressed tar archive of one.
 * @param wanted The digest of the image, or its name in the layout (`org.opencontainers.image.ref.name`); may be left out
 *   where there is one image.
 * @param maxAttachedBytes How many bytes are read of what belongs to one image; 64 MiB by default.
 * @throws ChanceryError ERR_REGISTRY_LAYOUT if it is no such layout, or has several images; ERR_FORMAT_TAR if it is a file
 *   but no archive that is safe to read.
 */
export async function openOciLayout(
  path: string,
  wanted?: string,
  maxAttachedBytes: number = DEFAULT_ATTACHED_BYTES,
): Promise<OciLayout> {
  const files = await openLayoutFiles(path)
  if (files === undefined) throw notALayout('a directory or an archive with an index.json')
  try {
    return await openImage(files, wanted, maxAttachedBytes)
  } catch (error) {
    await files[Symbol.asyncDispose]()
    throw error
  }
}

async function openImage(
  files: LayoutFiles,
  wanted: string | undefined,
  maxAttachedBytes: number,
): Promise<OciLayout> {
  const index = await readIndex(files)
  const image = findImage(index, wanted)
  const tags = findTags(index, image.digest)
  const mediaTypes = new Map(index.manifests.map(({ digest, mediaType }) => [digest, mediaType]))
  const read = (digest: string) => readManifestFile(files, digest, mediaTypes.get(digest))
  let bySubject: Promise<ReadonlyMap<string, readonly string[]>> | undefined
  return {
    digest: image.digest,
    name: files.name,
    repository: undefined,
    maxAttachedBytes,
    async findManifest(reference, allowance) {
      const digest = reference.startsWith('sha256:') ? reference : tags.get(reference)
      const found = digest === undefined ? undefined : await read(digest)
      allowance?.take(found?.bytes.length ?? 0)
      return found
    },
    openBlob(descriptor) {
      const content = readBlobFile(files, descriptor.digest)
      return Promise.resolve(verifiedChunks(content, descriptor, files.name))
    },
    async findReferrers(digest, { allowance, isWanted = () => true } = {}) {
      bySubject ??= findReferrersIn(files, mediaTypes)
      const all = (await bySubject).get(digest) ?? []
      const referrers: Referrer[] = []
      for (const one of all) {
        const pulled = await read(one)
        const referrer = pulled === undefined ? undefined : referrerOf(pulled)
        if (referrer === undefined || !isWanted(referrer.descriptor)) continue
        allowance?.take(referrer.pulled.bytes.length)
        referrers.push(referrer)
      }
      const passedOver = all.length - referrers.length
      return { source: all.length > 0 ? 'api' : 'none', referrers, refused: [], passedOver }
    },
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  }
}

async function readIndex(files: LayoutFiles): Promise<ImageIndex> {
  const bytes = await files.read('index.json', MAX_MANIFEST_BYTES)
  if (bytes === undefined) throw notALayout(`an index.json in ${files.name}`)
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

/** The entry that is wanted; else the one that is the image, by Cosign's annotation or because there is only one. */
function findImage({ manifests }: ImageIndex, wanted: string | undefined): Descriptor {
  const images = findImages(manifests)
  const named = wanted === undefined ? images : manifests.filter((one) => isNamed(one, wanted))
  const [image] = named
  const digests = new Set(named.map(({ digest }) => digest))
  if (image === undefined || digests.size > 1) {
    const what = wanted === undefined ? 'one image' : `one image that is ${JSON.stringify(wanted)}`
    throw notALayout(`${what} in it, found ${digests.size}`, undefined, listImages(images))
  }
  if (!isSha256Digest(image.digest)) throw notALayout('an image with a SHA-256 digest')
  return image
}

function findImages(manifests: readonly Descriptor[]): readonly Descriptor[] {
  const kinds: readonly (string | undefined)[] = [COSIGN_KINDS.image, COSIGN_KINDS.index]
  const marked = manifests.filter(({ annotations }) =>
    kinds.includes(annotations?.[KIND_ANNOTATION]),
  )
  return marked.length > 0 ? marked : manifests
}

function isNamed({ digest, annotations }: Descriptor, wanted: string): boolean {
  return digest === wanted || annotations?.[REFERENCE_ANNOTATION] === wanted
}

/** What to say where it is not clear which image is meant. */
function listImages(images: readonly Descriptor[]): readonly string[] {
  const names = images.map(
    ({ digest, annotations }) => annotations?.[REFERENCE_ANNOTATION] ?? digest,
  )
  if (names.length === 0) return []
  const shown = names.slice(0, MAX_NAMED).map((name) => JSON.stringify(name.slice(0, 200)))
  const more = names.length > MAX_NAMED ? ' and more' : ''
  return [`There are ${shown.join(', ')}${more}: say PATH:NAME or PATH@DIGEST.`]
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

/** The name of a blob in a layout; a digest has nothing in it that could lead elsewhere. */
export function blobName(digest: string): string {
  const { algorithm, hex } = parseDigest(digest)
  return `blobs/${algorithm}/${hex}`
}

async function* readBlobFile(files: LayoutFiles, digest: string): AsyncGenerator<Uint8Array> {
  const content = await files.open(blobName(digest))
  if (content === undefined) throw notALayout(`the blob ${digest} in it`)
  try {
    yield* content
  } catch (cause) {
    if (cause instanceof ChanceryError) throw cause
    throw notALayout(`the blob ${digest} in it`, cause)
  }
}

async function readManifestFile(
  files: LayoutFiles,
  digest: string,
  knownMediaType: string | undefined,
): Promise<PulledManifest | undefined> {
  const bytes = await files.read(blobName(digest), MAX_MANIFEST_BYTES)
  if (bytes === undefined) return undefined
  if (bytes.length > MAX_MANIFEST_BYTES) throw notALayout('manifests of at most 4 MiB')
  if (`sha256:${sha256Hex(bytes)}` !== digest) {
    throw new ChanceryError('ERR_REGISTRY_DIGEST', `the file of ${digest} has other content`)
  }
  try {
    const mediaType = knownMediaType ?? ownMediaType(bytes)
    return { digest, mediaType, bytes, manifest: parseManifest(bytes, mediaType), etag: undefined }
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw badContent(files.name, `${digest} is not a manifest: ${cause.message}`, cause)
  }
}

/** The media type that a manifest names itself; it may only be left out in OCI ones. */
function ownMediaType(bytes: Uint8Array): string {
  // What is no object has neither, and is refused as the image that it is not.
  const members = (parseJson(bytes) ?? {}) as Readonly<Record<string, unknown>>
  const { mediaType, manifests } = members
  if (typeof mediaType === 'string') return mediaType
  return manifests === undefined ? OCI_IMAGE_MANIFEST : OCI_IMAGE_INDEX
}

/** The digests of what names a subject, by that. What they are is read when it is asked for: it may be more than there is memory. */
async function findReferrersIn(
  files: LayoutFiles,
  mediaTypes: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const bySubject = new Map<string, string[]>()
  const names = await files.list('blobs/sha256')
  if (names.length > MAX_FILES) throw notALayout(`at most ${MAX_FILES} blobs`)
  for (const name of names) {
    const digest = `sha256:${name}`
    if (!isSha256Digest(digest)) continue
    const pulled = await readIfReferrer(files, digest, mediaTypes.get(digest))
    const subjectDigest = pulled?.manifest.subject?.digest
    if (subjectDigest === undefined) continue
    const known = bySubject.get(subjectDigest)
    if (known === undefined) bySubject.set(subjectDigest, [digest])
    else known.push(digest)
  }
  return bySubject
}

/** The blob, if it is a manifest with a subject. */
async function readIfReferrer(
  files: LayoutFiles,
  digest: string,
  mediaType: string | undefined,
): Promise<PulledManifest | undefined> {
  const bytes = await files.read(blobName(digest), MAX_MANIFEST_BYTES)
  if (bytes === undefined || bytes.length > MAX_MANIFEST_BYTES) return undefined
  const text = Buffer.from(bytes).toString('latin1')
  const mayBe =
    text.startsWith('{') && text.includes('"subject"') && text.includes('"schemaVersion"')
  if (!mayBe) return undefined
  try {
    return await readManifestFile(files, digest, mediaType)
  } catch (error) {
    // A blob that only looks like a manifest, unless its content is not what its name says.
    if (error instanceof ChanceryError && error.code !== 'ERR_REGISTRY_DIGEST') return undefined
    throw error
  }
}

function notALayout(
  expected: string,
  cause?: unknown,
  hints: readonly string[] = [
    'What is read is a directory that `chancery save`, `cosign save` or skopeo (oci:) wrote, or a tar archive of what is in it.',
  ],
): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_LAYOUT', `expected ${expected}`, { cause, hints })
}
