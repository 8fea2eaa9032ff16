import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { OCI_IMAGE_INDEX, type Descriptor } from '../format/oci-manifest.ts'
import type { ArtifactSink, ArtifactSource } from './artifact-store.ts'
import { tagOf, type ImageTree, type TaggedKind } from './image-tree.ts'
import {
  blobName,
  openOciLayout,
  COSIGN_KINDS,
  KIND_ANNOTATION,
  REFERENCE_ANNOTATION,
} from './oci-layout.ts'
import type { PulledManifest } from './registry-client.ts'
import { transferImage, type TransferReport } from './transfer-image.ts'

/** A layout that is being written. */
export interface OciLayoutWriter {
  /**
   * Writes an image with all that belongs to it; last of all `index.json`, so that what is incomplete is no layout.
   * Then reads it again and compares.
   *
   * @param tag The name the image gets.
   * @throws ChanceryError ERR_REGISTRY_INCOMPLETE if something is missing; besides, what {@link transferImage} throws.
   */
  readonly receive: (
    tree: ImageTree,
    from: ArtifactSource,
    tag: string | undefined,
  ) => Promise<TransferReport>
}

/**
 * Begins an OCI image layout that Cosign and skopeo read: the image, signatures and attestations are listed in
 * `index.json` as Cosign lists them, referrers lie among the blobs.
 *
 * @param directory Is made if it does not exist; has to be empty.
 * @throws ChanceryError ERR_REGISTRY_EXISTS if there is something in it.
 * @throws ChanceryError ERR_REGISTRY_LAYOUT if it, or a file in it, cannot be written.
 * Source: OCI image-spec, image-layout.md; Cosign, pkg/oci/layout.
 */
export async function createOciLayout(directory: string): Promise<OciLayoutWriter> {
  await guard(
    async () => {
      await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true })
    },
    await namesIn(directory),
  )
  const tagged = new Map<string, PulledManifest>()
  const store = (pulled: PulledManifest) => storeBlob(directory, pulled.digest, [pulled.bytes])
  const setTag = async (tag: string, pulled: PulledManifest) => {
    await store(pulled)
    tagged.set(tag, pulled)
  }
  const sink: ArtifactSink = {
    async pushBlob({ digest }, openContent) {
      if (await isStored(directory, digest)) return
      await storeBlob(directory, digest, await openContent())
    },
    pushManifest: store,
    addToTag: setTag,
    setTag,
  }
  return {
    async receive(tree, from, tag) {
      const written = async (): Promise<ArtifactSource> => {
        await writeIndex(directory, tree.pulled, tag, tagged)
        return openOciLayout(directory, undefined, from.maxAttachedBytes)
      }
      return transferImage(tree, from, sink, written)
    },
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => [])
}

async function guard(act: () => Promise<void>, existing: readonly string[]): Promise<void> {
  if (existing.length > 0) {
    throw new ChanceryError('ERR_REGISTRY_EXISTS', 'expected an empty directory to save to', {
      hints: ['Name another one, or remove what is in it.'],
    })
  }
  try {
    await act()
  } catch (cause) {
    throw notWritten(cause)
  }
}

async function isStored(directory: string, digest: string): Promise<boolean> {
  return (await stat(join(directory, blobName(digest))).catch(() => undefined)) !== undefined
}

/** Under its name a blob is whole and right, or not there. */
async function storeBlob(
  directory: string,
  digest: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const path = join(directory, blobName(digest))
  const fresh = `${path}.${randomGuid(Date.now())}.new`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(fresh, 'wx')
    try {
      for await (const chunk of content) await file.writeFile(chunk)
    } finally {
      await file.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined)
    throw error instanceof ChanceryError ? error : notWritten(error)
  }
}

async function writeIndex(
  directory: string,
  image: PulledManifest,
  tag: string | undefined,
  tagged: ReadonlyMap<string, PulledManifest>,
): Promise<void> {
  const kind = COSIGN_KINDS[image.manifest.kind === 'index' ? 'index' : 'image']
  const others = [...tagged]
    .filter(([name]) => name !== tag)
    .map(([name, pulled]) => describe(pulled, kindOf(image.digest, name), name))
  const index = {
    schemaVersion: 2,
    mediaType: OCI_IMAGE_INDEX,
    manifests: [describe(image, kind, tag), ...others],
  }
  try {
    await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    await writeFile(join(directory, 'index.json'), JSON.stringify(index, null, 2))
  } catch (cause) {
    throw notWritten(cause)
  }
}

/** What Cosign takes an entry for; it knows the signatures and attestations of the image itself only. */
function kindOf(digest: string, tag: string): string | undefined {
  const kinds: readonly (keyof typeof COSIGN_KINDS & TaggedKind)[] = ['signature', 'attestation']
  const kind = kinds.find((one) => tag === tagOf(digest, one))
  return kind === undefined ? undefined : COSIGN_KINDS[kind]
}

function describe(
  { mediaType, digest, bytes }: PulledManifest,
  kind: string | undefined,
  tag: string | undefined,
): Descriptor {
  return {
    mediaType,
    size: bytes.length,
    digest,
    annotations: {
      ...(kind === undefined ? {} : { [KIND_ANNOTATION]: kind }),
      ...(tag === undefined ? {} : { [REFERENCE_ANNOTATION]: tag }),
    },
  }
}

function notWritten(cause: unknown): ChanceryError {
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const reason = typeof code === 'string' ? ` (${code})` : ''
  return new ChanceryError('ERR_REGISTRY_LAYOUT', `expected to write the directory${reason}`, {
    cause,
  })
}
