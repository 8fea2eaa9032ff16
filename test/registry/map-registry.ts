import { sha256Hex } from '../../src/crypto/digest.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { startHostileServer } from './hostile-server.ts'

/** What describes content. */
export interface Described {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** A registry of a test with the referrers API, whose content is whatever the test puts there, true or not. */
export interface MapRegistry extends AsyncDisposable {
  readonly host: string
  readonly blobs: Map<string, Uint8Array>
  /** What is listed as a referrer of everything. */
  readonly referrers: object[]
  /** How the referrers API answers. */
  referrersStatus: number
  /** How a manifest is answered, by its tag or digest, instead of being there or not. */
  readonly statuses: Map<string, number>
  /** Whether it has a next page for ever. */
  isEndless: boolean
  /** Adds a manifest, by its digest and perhaps a tag. */
  add(bytes: Uint8Array, tag?: string, mediaType?: string): Described
  /** How many bytes a manifest has. */
  sizeOf(digest: string): number
  addBlob(bytes: Uint8Array, mediaType: string): Described
  /** How many requests there were whose path holds this. */
  countOf(part: string): number
}

/** Starts one that is empty. */
export async function startMapRegistry(): Promise<MapRegistry> {
  const manifests = new Map<string, { readonly mediaType: string; readonly bytes: Uint8Array }>()
  const blobs = new Map<string, Uint8Array>()
  const referrers: object[] = []
  const statuses = new Map<string, number>()
  let pages = 0
  const server = await startHostileServer((request, response) => {
    const [kind = '', last = ''] = (request.url ?? '').split('/').slice(-2)
    const reference = last.split('?')[0] ?? ''
    const manifest = manifests.get(reference)
    const blob = blobs.get(reference)
    const status = statuses.get(reference)
    if (kind === 'manifests' && status !== undefined) {
      response.writeHead(status).end()
    } else if (kind === 'manifests' && manifest !== undefined) {
      response.writeHead(200, { 'content-type': manifest.mediaType }).end(manifest.bytes)
    } else if (kind === 'blobs' && blob !== undefined) {
      response.end(blob)
    } else if (kind === 'referrers' && registry.isEndless) {
      pages += 1
      const link = `<${request.url?.split('?')[0] ?? ''}?page=${pages}>; rel="next"`
      const more = Array.from({ length: 500 }, (_, n) => ({
        mediaType: OCI_IMAGE_MANIFEST,
        digest: `sha256:${sha256Hex(encodeJson([pages, n]))}`,
        size: 1,
      }))
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX, link }).end(listOf(more))
    } else if (kind === 'referrers' && registry.referrersStatus === 200) {
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(listOf(referrers))
    } else {
      response.writeHead(kind === 'referrers' ? registry.referrersStatus : 404).end()
    }
  })
  const registry: MapRegistry = {
    host: server.host,
    blobs,
    referrers,
    referrersStatus: 200,
    statuses,
    isEndless: false,
    add(bytes, tag, mediaType = OCI_IMAGE_MANIFEST) {
      const digest = digestOf(bytes)
      for (const name of [digest, tag ?? digest]) manifests.set(name, { mediaType, bytes })
      return { mediaType, digest, size: bytes.length }
    },
    sizeOf: (digest) => manifests.get(digest)?.bytes.length ?? 0,
    addBlob(bytes, mediaType) {
      const digest = digestOf(bytes)
      blobs.set(digest, bytes)
      return { mediaType, digest, size: bytes.length }
    },
    countOf: (part) => server.seen.filter(({ url }) => url.includes(part)).length,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return registry
}

function listOf(manifests: readonly object[]): Uint8Array {
  return encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests })
}

/** A value as the bytes of JSON. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** `sha256:<hex>` */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}
