import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256Hex } from '../src/crypto/digest.ts'
import { ChanceryError } from '../src/errors/chancery-error.ts'
import {
  OCI_IMAGE_INDEX,
  parseManifest,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
} from '../src/format/oci-manifest.ts'
import { randomGuid } from '../src/crypto/random.ts'

/** How an {@link EmbeddedRegistry} behaves. */
export interface EmbeddedRegistryOptions {
  /** A port of 127.0.0.1; a free one where absent. */
  readonly port?: number
  /** Whether `If-Match` and `If-None-Match` of a manifest push are honoured; by default they are. */
  readonly honoursConditions?: boolean
}

/** A small OCI registry in this process and in memory, on loopback, without authentication: for the demo and the tests. */
export interface EmbeddedRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as it stands before the first `/` of an image name. */
  readonly host: string
  /** Method, path and status of each request so far. */
  readonly requests: readonly string[]
}

const MAX_BLOB_BYTES = 256 * 1024 * 1024
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
const NAME = '[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*'
const ROUTES = {
  manifests: new RegExp(`^/v2/(${NAME})/manifests/([\\w.:-]+)$`),
  uploads: new RegExp(`^/v2/(${NAME})/blobs/uploads/([0-9a-f-]*)$`),
  blobs: new RegExp(`^/v2/(${NAME})/blobs/(sha256:[0-9a-f]{64})$`),
  tags: new RegExp(`^/v2/(${NAME})/tags/list$`),
  referrers: new RegExp(`^/v2/(${NAME})/referrers/(sha256:[0-9a-f]{64})$`),
} as const

/** Starts an empty registry. */
export async function startEmbeddedRegistry(
  options: EmbeddedRegistryOptions = {},
): Promise<EmbeddedRegistry> {
  const store = new Store(options.honoursConditions ?? true)
  const requests: string[] = []
  const server = createServer((request, response) => {
    response.once('finish', () => {
      requests.push(`${request.method ?? ''} ${request.url ?? ''} ${response.statusCode}`)
    })
    serve(store, request, response).catch((error: unknown) => {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'UNKNOWN', 'a bug')
      reply(response, refusal.status, { 'content-type': 'application/json' }, refusal.document())
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { host: `127.0.0.1:${port}`, requests, [Symbol.asyncDispose]: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}

/** An error with the code of the distribution specification. */
class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  document(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message }] })
  }
}

interface StoredManifest {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly parsed: ImageManifest | ImageIndex
}

/** One repository. */
interface Repository {
  readonly blobs: Map<string, Uint8Array>
  readonly manifests: Map<string, StoredManifest>
  /** Digests by tag. */
  readonly tags: Map<string, string>
}

class Store {
  readonly honoursConditions: boolean
  readonly #repositories = new Map<string, Repository>()
  /** Pieces by upload session. */
  readonly uploads = new Map<string, Uint8Array[]>()

  constructor(honoursConditions: boolean) {
    this.honoursConditions = honoursConditions
  }

  find(name: string): Repository {
    const found = this.#repositories.get(name)
    if (found === undefined) throw new Refusal(404, 'NAME_UNKNOWN', 'no such repository')
    return found
  }

  open(name: string): Repository {
    const found = this.#repositories.get(name)
    if (found !== undefined) return found
    const fresh = { blobs: new Map(), manifests: new Map(), tags: new Map() } as Repository
    this.#repositories.set(name, fresh)
    return fresh
  }
}

type Headers = Readonly<Record<string, string>>

function reply(
  response: ServerResponse,
  status: number,
  headers: Headers = {},
  body: Uint8Array | string = '',
): void {
  response.writeHead(status, {
    'docker-distribution-api-version': 'registry/2.0',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

async function serve(
  store: Store,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://registry.invalid')
  const path = decodeURIComponent(url.pathname)
  if (path === '/v2/' || path === '/v2') {
    reply(response, 200, { 'content-type': 'application/json' }, '{}')
    return
  }
  for (const [kind, pattern] of Object.entries(ROUTES)) {
    const [match, name = '', reference = ''] = pattern.exec(path) ?? []
    if (match === undefined) continue
    const call = { store, request, response, url, name, reference }
    const handler =
      HANDLERS[`${request.method === 'HEAD' ? 'GET' : (request.method ?? '')} ${kind}`]
    if (handler === undefined) throw new Refusal(405, 'UNSUPPORTED', 'no such operation')
    await handler(call)
    return
  }
  throw new Refusal(404, 'NAME_INVALID', 'no such route')
}

interface Call {
  readonly store: Store
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly name: string
  readonly reference: string
}

const HANDLERS: Readonly<Record<string, (call: Call) => void | Promise<void>>> = {
  'GET manifests': getManifest,
  'PUT manifests': putManifest,
  'DELETE manifests': deleteManifest,
  'GET blobs': getBlob,
  'POST uploads': startUpload,
  'PATCH uploads': continueUpload,
  'PUT uploads': finishUpload,
  'GET tags': listTags,
  'GET referrers': listReferrers,
}

function findManifest(repository: Repository, reference: string): StoredManifest {
  const found = repository.manifests.get(repository.tags.get(reference) ?? reference)
  if (found === undefined) throw new Refusal(404, 'MANIFEST_UNKNOWN', 'no such manifest')
  return found
}

function getManifest({ store, response, name, reference }: Call): void {
  const { bytes, mediaType, digest } = findManifest(store.find(name), reference)
  const headers = {
    'content-type': mediaType,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  }
  reply(response, 200, headers, bytes)
}

async function putManifest({ store, request, response, name, reference }: Call): Promise<void> {
  const bytes = await readBody(request, MAX_MANIFEST_BYTES)
  const repository = store.open(name)
  const digest = `sha256:${sha256Hex(bytes)}`
  const isTag = !reference.startsWith('sha256:')
  if (!isTag && reference !== digest) throw new Refusal(400, 'DIGEST_INVALID', 'another digest')
  const mediaType = request.headers['content-type'] ?? ''
  const parsed = readManifest(bytes, mediaType)
  requireParts(repository, parsed)
  if (isTag && store.honoursConditions) requireConditions(request, repository.tags.get(reference))
  repository.manifests.set(digest, { digest, mediaType, bytes, parsed })
  if (isTag) repository.tags.set(reference, digest)
  reply(response, 201, {
    location: `/v2/${name}/manifests/${digest}`,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    ...(parsed.subject === undefined ? {} : { 'oci-subject': parsed.subject.digest }),
  })
}

function readManifest(bytes: Uint8Array, mediaType: string): ImageManifest | ImageIndex {
  try {
    return parseManifest(bytes, mediaType)
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error
    throw new Refusal(400, 'MANIFEST_INVALID', error.message)
  }
}

function requireParts(repository: Repository, manifest: ImageManifest | ImageIndex): void {
  const parts =
    manifest.kind === 'index'
      ? manifest.manifests.map(({ digest }) => repository.manifests.has(digest))
      : [manifest.config, ...manifest.layers].map(({ digest }) => repository.blobs.has(digest))
  if (parts.includes(false)) throw new Refusal(400, 'MANIFEST_BLOB_UNKNOWN', 'push the parts first')
}

function requireConditions(request: IncomingMessage, current: string | undefined): void {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers
  const isStale = ifMatch !== undefined && ifMatch !== `"${current ?? ''}"`
  if (isStale || (ifNoneMatch === '*' && current !== undefined)) {
    throw new Refusal(412, 'DENIED', 'the tag was changed meanwhile')
  }
}

function deleteManifest({ store, response, name, reference }: Call): void {
  const repository = store.find(name)
  const { digest } = findManifest(repository, reference)
  if (repository.tags.delete(reference)) {
    reply(response, 202)
    return
  }
  repository.manifests.delete(digest)
  for (const [tag, tagged] of repository.tags) {
    if (tagged === digest) repository.tags.delete(tag)
  }
  reply(response, 202)
}

function getBlob({ store, response, name, reference }: Call): void {
  const bytes = store.find(name).blobs.get(reference)
  if (bytes === undefined) throw new Refusal(404, 'BLOB_UNKNOWN', 'no such blob')
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': reference }
  reply(response, 200, headers, bytes)
}

function startUpload({ store, response, name }: Call): void {
  const session = randomGuid(Date.now())
  store.open(name)
  store.uploads.set(session, [])
  reply(response, 202, { location: `/v2/${name}/blobs/uploads/${session}`, range: '0-0' })
}

function findUpload({ store, reference }: Call): Uint8Array[] {
  const pieces = store.uploads.get(reference)
  if (pieces === undefined) throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload')
  return pieces
}

async function continueUpload(call: Call): Promise<void> {
  const { request, response, name, reference } = call
  const pieces = findUpload(call)
  pieces.push(await readBody(request, MAX_BLOB_BYTES))
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (length > MAX_BLOB_BYTES) throw new Refusal(413, 'SIZE_INVALID', 'too large')
  const location = `/v2/${name}/blobs/uploads/${reference}`
  reply(response, 202, { location, range: `0-${Math.max(0, length - 1)}` })
}

async function finishUpload(call: Call): Promise<void> {
  const { store, request, response, url, name, reference } = call
  const pieces = findUpload(call)
  const last = await readBody(request, MAX_BLOB_BYTES)
  const bytes = Buffer.concat([...pieces, last])
  const digest = `sha256:${sha256Hex(bytes)}`
  if (url.searchParams.get('digest') !== digest) {
    throw new Refusal(400, 'DIGEST_INVALID', 'another digest')
  }
  store.uploads.delete(reference)
  store.open(name).blobs.set(digest, bytes)
  const location = `/v2/${name}/blobs/${digest}`
  reply(response, 201, { location, 'docker-content-digest': digest })
}

function listTags({ store, response, name }: Call): void {
  const tags = [...store.find(name).tags.keys()].sort()
  reply(response, 200, { 'content-type': 'application/json' }, JSON.stringify({ name, tags }))
}

function listReferrers({ store, response, url, name, reference }: Call): void {
  const artifactType = url.searchParams.get('artifactType')
  const manifests = [...store.open(name).manifests.values()]
    .filter(({ parsed }) => parsed.subject?.digest === reference)
    .map(describe)
    .filter((one) => artifactType === null || one.artifactType === artifactType)
  const headers = {
    'content-type': OCI_IMAGE_INDEX,
    ...(artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' }),
  }
  const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests }
  reply(response, 200, headers, JSON.stringify(index))
}

function describe({ mediaType, digest, bytes, parsed }: StoredManifest): Descriptor {
  const artifactType =
    parsed.artifactType ?? (parsed.kind === 'manifest' ? parsed.config.mediaType : undefined)
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(parsed.annotations === undefined ? {} : { annotations: parsed.annotations }),
  }
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    length += piece.length
    if (length > maxBytes) throw new Refusal(413, 'SIZE_INVALID', `more than ${maxBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
