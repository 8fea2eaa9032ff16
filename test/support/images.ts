import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../../src/crypto/digest.ts'
import {
  OCI_IMAGE_CONFIG,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../src/format/oci-manifest.ts'
import { parseReference, type ImageReference } from '../../src/format/oci-reference.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import type { ImageByDigest } from '../../src/registry/resolve-image.ts'

/** An image in a registry of a test. */
export interface PushedImage extends ImageByDigest {
  /** As it was pushed, with its tag. */
  readonly reference: ImageReference
  /** `registry/repository@sha256:<hex>` */
  readonly byDigest: string
}

/** Pushes a small valid image, another one each time. @param name `registry/repository:tag` */
export async function pushTestImage(name: string): Promise<PushedImage> {
  using client = new RegistryClient()
  const reference = parseReference(name)
  const layer = randomBytes(64)
  const config = new TextEncoder().encode(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      config: {},
    }),
  )
  const manifest = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_IMAGE_MANIFEST,
      config: { mediaType: OCI_IMAGE_CONFIG, size: config.length, digest: digestOf(config) },
      layers: [
        {
          mediaType: 'application/vnd.oci.image.layer.v1.tar',
          size: layer.length,
          digest: digestOf(layer),
        },
      ],
    }),
  )
  await client.blobs.push(reference, config)
  await client.blobs.push(reference, layer)
  const { registry, repository, tag = 'latest' } = reference
  const pushed = { mediaType: OCI_IMAGE_MANIFEST, bytes: manifest }
  const digest = await client.pushManifest(reference, tag, pushed)
  return {
    reference,
    repository: { registry, repository },
    digest,
    byDigest: `${registry}/${repository}@${digest}`,
  }
}

/** An index in a registry of a test. */
export interface PushedIndex extends PushedImage {
  /** The images it lists, in its order. */
  readonly children: readonly PushedImage[]
}

/** Pushes an index of small valid images. @param name `registry/repository:tag` */
export async function pushTestIndex(name: string, platforms: number): Promise<PushedIndex> {
  using client = new RegistryClient()
  const reference = parseReference(name)
  const { registry, repository, tag = 'latest' } = reference
  const children: PushedImage[] = []
  const manifests: object[] = []
  for (let n = 0; n < platforms; n += 1) {
    const child = await pushTestImage(`${registry}/${repository}:${tag}-${n}`)
    const { bytes } = await client.getManifest(child.repository, child.digest)
    children.push(child)
    manifests.push({
      mediaType: OCI_IMAGE_MANIFEST,
      digest: child.digest,
      size: bytes.length,
      platform: { os: 'linux', architecture: ['amd64', 'arm64'][n] ?? `test${n}` },
    })
  }
  const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests }
  const bytes = new TextEncoder().encode(JSON.stringify(index))
  const digest = await client.pushManifest(reference, tag, { mediaType: OCI_IMAGE_INDEX, bytes })
  return {
    reference,
    repository: { registry, repository },
    digest,
    byDigest: `${registry}/${repository}@${digest}`,
    children,
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}
