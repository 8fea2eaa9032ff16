import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sha256Hex } from '../src/crypto/digest.ts'
import { OCI_IMAGE_CONFIG, OCI_IMAGE_MANIFEST } from '../src/format/oci-manifest.ts'
import type { ImageReference } from '../src/format/oci-reference.ts'
import type { RegistryClient } from '../src/registry/registry-client.ts'
import type { ImageByDigest } from '../src/registry/resolve-image.ts'
import { encodeTar, type TarEntry } from './tar.ts'

/** An OCI image in memory. */
export interface BuiltImage {
  /** `sha256:<hex>` of the manifest. */
  readonly digest: string
  readonly manifest: Uint8Array
  readonly config: Uint8Array
  /** Each a gzip-compressed tar archive. */
  readonly layers: readonly Uint8Array[]
}

const GZIP_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
/** What goes into the image, a layer each. */
const LAYERS = [['src'], ['bin', 'package.json', 'LICENSE']] as const
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' }

/**
 * Builds an OCI image with Chancery's own program in `/app`, without an operating system beneath it: a real image of
 * some size to sign. The same files give the same digest.
 *
 * @param rootDirectory The directory with `package.json`.
 */
export async function buildImage(rootDirectory: string): Promise<BuiltImage> {
  const archives = await Promise.all(
    LAYERS.map(async (names) => encodeTar(await collect(rootDirectory, names))),
  )
  const layers = archives.map((archive) => gzipSync(archive))
  const config = encode({
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    config: { Entrypoint: ['node', 'bin/chancery.js'], WorkingDir: '/app' },
    rootfs: { type: 'layers', diff_ids: archives.map(digestOf) },
    history: LAYERS.map((names) => ({ created_by: `COPY ${names.join(' ')} /app/` })),
  })
  const manifest = encode({
    schemaVersion: 2,
    mediaType: OCI_IMAGE_MANIFEST,
    config: { mediaType: OCI_IMAGE_CONFIG, size: config.length, digest: digestOf(config) },
    layers: layers.map((layer) => ({
      mediaType: GZIP_LAYER,
      size: layer.length,
      digest: digestOf(layer),
    })),
    annotations: { 'org.opencontainers.image.title': 'chancery' },
  })
  return { digest: digestOf(manifest), manifest, config, layers }
}

/** Pushes an image under the tag of a reference, `latest` where it has none. */
export async function pushImage(
  client: RegistryClient,
  reference: ImageReference,
  image: BuiltImage,
): Promise<ImageByDigest> {
  const { registry, repository, tag = 'latest' } = reference
  for (const blob of [...image.layers, image.config]) await client.blobs.push(reference, blob)
  const manifest = { mediaType: OCI_IMAGE_MANIFEST, bytes: image.manifest }
  const digest = await client.pushManifest(reference, tag, manifest)
  return { repository: { registry, repository }, digest }
}

/** The named files and directories with all that is in them, below `app/`, sorted. */
async function collect(rootDirectory: string, names: readonly string[]): Promise<TarEntry[]> {
  const entries: TarEntry[] = [{ path: 'app' }]
  const add = async (path: string): Promise<void> => {
    const absolute = join(rootDirectory, path)
    const found = await stat(absolute)
    if (found.isDirectory()) {
      entries.push({ path: `app/${path}` })
      for (const name of (await readdir(absolute)).sort()) await add(`${path}/${name}`)
    } else if (found.isFile()) {
      const isExecutable = (found.mode & 0o100) !== 0
      entries.push({ path: `app/${path}`, bytes: await readFile(absolute), isExecutable })
    }
  }
  for (const name of names) await add(name)
  return entries
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}
