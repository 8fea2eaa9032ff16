import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from './json.ts'
import { isDigest } from './oci-digest.ts'

/** Media type of an OCI image manifest. Source: OCI image-spec, media-types.md. */
export const OCI_IMAGE_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
/** Media type of an OCI image index. Source: OCI image-spec, media-types.md. */
export const OCI_IMAGE_INDEX = 'application/vnd.oci.image.index.v1+json'
/** Media type of an OCI image configuration. Source: OCI image-spec, media-types.md. */
export const OCI_IMAGE_CONFIG = 'application/vnd.oci.image.config.v1+json'
/** Media type of Docker's image manifest, version 2, schema 2. */
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
/** Media type of Docker's manifest list, version 2. */
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

/** Every media type {@link parseManifest} reads; also what a registry is asked for. */
export const MANIFEST_MEDIA_TYPES = [
  OCI_IMAGE_MANIFEST,
  OCI_IMAGE_INDEX,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
] as const

/** How many layers or entries a manifest may list; more is not an image but an attack on its readers. */
export const MAX_MANIFEST_ENTRIES = 1000

/** A reference to content by its digest. Source: OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string
  /** `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits. */
  readonly digest: string
  /** Length of the content in bytes. */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly artifactType?: string
  /** What an image in an index runs on, `linux/arm64/v8`; untrusted, left out where it is not of that form. */
  readonly platform?: string
  /** A copy of the content, in base64; untrusted, not even known to be base64, until it was read. */
  readonly data?: string
}

/** One image: a configuration and layers. Source: OCI image-spec, manifest.md. */
export interface ImageManifest {
  readonly kind: 'manifest'
  readonly mediaType: typeof OCI_IMAGE_MANIFEST | typeof DOCKER_MANIFEST
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** A list of manifests, usually one for each platform. Source: OCI image-spec, image-index.md. */
export interface ImageIndex {
  readonly kind: 'index'
  readonly mediaType: typeof OCI_IMAGE_INDEX | typeof DOCKER_MANIFEST_LIST
  readonly manifests: readonly Descriptor[]
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

const MAX_ANNOTATIONS = 1000
const MAX_MEDIA_TYPE_LENGTH = 255
const PLATFORM_PART = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$/

/**
 * Reads a manifest strictly, as the media type it was delivered with.
 *
 * Bytes that could be taken for both an image and an index are refused, whatever the media type says: two readers
 * would sign or run different things under one digest. Members that are not part of {@link ImageManifest} or
 * {@link ImageIndex} are ignored.
 *
 * @param mediaType The media type the manifest came with (`Content-Type`, or that of its descriptor), without parameters.
 * @param maxListed How many manifests an index may list; {@link MAX_MANIFEST_ENTRIES} by default.
 * @throws ChanceryError ERR_FORMAT_OCI_MANIFEST if the bytes are not such a manifest, if their own `mediaType` differs,
 * or if they list more entries than may be.
 * @throws ChanceryError ERR_FORMAT_JSON if the bytes are not strict JSON.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string,
  maxListed: number = MAX_MANIFEST_ENTRIES,
): ImageManifest | ImageIndex {
  const manifest = asObject(parseJson(bytes), 'the manifest')
  if (manifest['schemaVersion'] !== 2) {
    throw malformed('expected schemaVersion 2', 'Only OCI and Docker schema 2 manifests are read.')
  }
  const ownMediaType = manifest['mediaType']
  if (ownMediaType !== undefined && ownMediaType !== mediaType) {
    throw malformed(
      `expected the manifest's own mediaType to be "${mediaType}", with which it was delivered; it is another`,
      'A manifest that is two things at once cannot be signed safely: push the image again.',
    )
  }
  switch (mediaType) {
    case OCI_IMAGE_MANIFEST:
    case DOCKER_MANIFEST:
      return readImageManifest(manifest, mediaType)
    case OCI_IMAGE_INDEX:
    case DOCKER_MANIFEST_LIST:
      return readImageIndex(manifest, mediaType, maxListed)
    default:
      throw malformed(
        `expected a manifest of one of the types ${MANIFEST_MEDIA_TYPES.join(', ')}`,
        'Docker schema 1 images and artifacts of other kinds are not read.',
      )
  }
}

type Members = Readonly<Record<string, unknown>>

function readImageManifest(
  manifest: Members,
  mediaType: ImageManifest['mediaType'],
): ImageManifest {
  if (manifest['manifests'] !== undefined) throw twoThings()
  return {
    kind: 'manifest',
    mediaType,
    config: readDescriptor(manifest['config'], 'config'),
    layers: readDescriptors(manifest['layers'], 'layers'),
    ...readRest(manifest),
  }
}

function readImageIndex(
  index: Members,
  mediaType: ImageIndex['mediaType'],
  maxListed: number,
): ImageIndex {
  if (index['config'] !== undefined || index['layers'] !== undefined) throw twoThings()
  return {
    kind: 'index',
    mediaType,
    manifests: readDescriptors(index['manifests'], 'manifests', maxListed),
    ...readRest(index),
  }
}

function readRest(manifest: Members) {
  const { artifactType, subject, annotations } = manifest
  return {
    ...(artifactType === undefined
      ? {}
      : { artifactType: readMediaType(artifactType, 'artifactType') }),
    ...(subject === undefined ? {} : { subject: readDescriptor(subject, 'subject') }),
    ...(annotations === undefined
      ? {}
      : { annotations: readAnnotations(annotations, 'annotations') }),
  }
}

function readDescriptors(
  value: unknown,
  name: string,
  maximum: number = MAX_MANIFEST_ENTRIES,
): Descriptor[] {
  if (!Array.isArray(value)) throw malformed(`expected "${name}" to be an array`)
  if (value.length > maximum) {
    throw malformed(`expected at most ${maximum} ${name}, found ${value.length}`)
  }
  return value.map((entry, index) => readDescriptor(entry, `${name}[${index}]`))
}

function readDescriptor(value: unknown, name: string): Descriptor {
  const descriptor = asObject(value, `"${name}"`)
  const { digest, size, annotations, artifactType, data } = descriptor
  const platform = readPlatform(descriptor['platform'])
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw malformed(`expected the digest of "${name}" to be sha256:<64 hex> or sha512:<128 hex>`)
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(`expected the size of "${name}" to be a number of bytes`)
  }
  if (data !== undefined && typeof data !== 'string') {
    throw malformed(`expected the data of "${name}" to be text`)
  }
  return {
    mediaType: readMediaType(descriptor['mediaType'], `${name}.mediaType`),
    digest,
    size,
    ...(annotations === undefined
      ? {}
      : { annotations: readAnnotations(annotations, `${name}.annotations`) }),
    ...(artifactType === undefined
      ? {}
      : { artifactType: readMediaType(artifactType, `${name}.artifactType`) }),
    ...(platform === undefined ? {} : { platform }),
    ...(data === undefined ? {} : { data }),
  }
}

/** Nothing depends on it but what people are shown, so one that is malformed is as good as none. Source: image-index.md. */
function readPlatform(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { os, architecture, variant } = value as Members
  const parts = [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])]
  const isPlain = parts.every((part) => typeof part === 'string' && PLATFORM_PART.test(part))
  return isPlain ? parts.join('/') : undefined
}

function readMediaType(value: unknown, name: string): string {
  const isMediaType =
    typeof value === 'string' &&
    value.length <= MAX_MEDIA_TYPE_LENGTH &&
    /^[a-z0-9][\w!#$&^.+-]*\/[a-z0-9][\w!#$&^.+-]*$/i.test(value)
  if (!isMediaType) throw malformed(`expected "${name}" to be a media type`)
  return value
}

function readAnnotations(value: unknown, name: string): Record<string, string> {
  const entries = Object.entries(asObject(value, `"${name}"`))
  if (entries.length > MAX_ANNOTATIONS) {
    throw malformed(`expected at most ${MAX_ANNOTATIONS} members in "${name}"`)
  }
  for (const [, text] of entries) {
    if (typeof text !== 'string') throw malformed(`expected the members of "${name}" to be strings`)
  }
  return Object.fromEntries(entries) as Record<string, string>
}

function asObject(value: unknown, name: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`expected ${name} to be an object`)
  }
  return value as Members
}

function twoThings(): ChanceryError {
  return malformed(
    'expected an image manifest or an index, found the members of both',
    'A manifest that is two things at once cannot be signed safely: push the image again.',
  )
}

function malformed(message: string, hint?: string): ChanceryError {
  return new ChanceryError(
    'ERR_FORMAT_OCI_MANIFEST',
    message,
    hint === undefined ? {} : { hints: [hint] },
  )
}
