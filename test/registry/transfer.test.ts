import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import type { ArtifactSink, ArtifactSource } from '../../src/registry/artifact-store.ts'
import { manifestsOf, readImageTree } from '../../src/registry/image-tree.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { fallbackTag } from '../../src/registry/referrers-index.ts'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { repositorySink, repositorySource } from '../../src/registry/repository-store.ts'
import { transferImage } from '../../src/registry/transfer-image.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { startHostileServer } from './hostile-server.ts'
import { UNHURRIED } from './unhurried.ts'

/** Repeats soon, and waits for what is only slow. */
const EAGER: RegistryClientOptions = {
  retries: { attempts: 2, baseDelayMs: 1, maxDelayMs: 5, maxRetryAfterMs: 50 },
  timeouts: UNHURRIED,
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`
}

function repositoryAt(host: string, repository = 'team/app') {
  return { registry: host, repository }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of chunks) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

const large = new Uint8Array(randomBytes(3 * 1024 * 1024))
const largeBlob = { digest: digestOf(large), size: large.length }

/** Reads the large blob from a registry that answers it as told. */
async function read(
  answer: Parameters<typeof startHostileServer>[0],
  blob = largeBlob,
  timeouts: RegistryClientOptions['timeouts'] = UNHURRIED,
) {
  await using server = await startHostileServer(answer)
  using client = new RegistryClient({ ...EAGER, timeouts })
  return await collect(await client.blobs.open(repositoryAt(server.host), blob))
}

describe('a blob that is read piece by piece', () => {
  it('is the one asked for, of any size', async () => {
    assert.deepEqual(await read((_request, response) => response.end(large)), large)
    const empty = { digest: digestOf(new Uint8Array()), size: 0 }
    assert.equal((await read((_request, response) => response.end(), empty)).length, 0)
  })

  it('is refused where it is not there, or a byte differs, is missing or is too many', async () => {
    const other = large.slice()
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1
    await assert.rejects(
      read((_request, response) => response.end(other)),
      { code: 'ERR_REGISTRY_DIGEST' },
    )
    await assert.rejects(
      read((_request, response) => response.end(large.subarray(1))),
      { code: 'ERR_REGISTRY_DIGEST' },
    )
    await assert.rejects(
      read((_request, response) => {
        const errors = [{ code: 'BLOB_UNKNOWN', message: 'there is none' }]
        response.writeHead(404).end(JSON.stringify({ errors }))
      }),
      { code: 'ERR_REGISTRY_NOT_FOUND', message: /BLOB_UNKNOWN: there is none/ },
    )
    await assert.rejects(
      read((_request, response) => response.end(Buffer.concat([large, large]))),
      { code: 'ERR_REGISTRY_TOO_LARGE' },
    )
    await assert.rejects(
      read((_request, response) => {
        const pour = (): void => {
          while (!response.destroyed && response.write(large));
          if (!response.destroyed) response.once('drain', pour)
        }
        pour()
      }),
      { code: 'ERR_REGISTRY_TOO_LARGE' },
    )
  })

  it('is given up where it stops, or breaks off', async () => {
    const stopping = (_request: IncomingMessage, response: ServerResponse) =>
      response.write(large.subarray(0, 1000))
    await assert.rejects(read(stopping, largeBlob, { ...UNHURRIED, idleMs: 500 }), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
      message: /stopped sending within 0.5 s/,
    })
    await assert.rejects(
      read((_request, response) => {
        response.writeHead(200, { 'content-length': large.length })
        response.write(large.subarray(0, 1000), () => response.destroy())
      }),
      { code: 'ERR_REGISTRY_UNAVAILABLE' },
    )
    await assert.rejects(
      read((_request, response) => response.writeHead(404).end()),
      { code: 'ERR_REGISTRY_NOT_FOUND' },
    )
  })
})

/** Uploads the large blob, as `content` gives it, to a registry that keeps what it gets. */
async function upload(content: () => AsyncIterable<Uint8Array>, mountFrom?: string) {
  const received: number[] = []
  await using server = await startHostileServer((request, response) => {
    if (request.method === 'HEAD') response.writeHead(404).end()
    else if (request.method === 'POST' && request.url?.includes('mount=') === true) {
      response.writeHead(201).end()
    } else if (request.method === 'POST') {
      response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end()
    } else {
      let length = 0
      request.on('data', (piece: Uint8Array) => (length += piece.length))
      request.on('close', () => received.push(length))
      request.on('end', () => response.writeHead(201).end())
    }
  })
  using client = new RegistryClient(EAGER)
  const options = mountFrom === undefined ? {} : { mountFrom }
  const open = () => Promise.resolve(content())
  const pushed = client.blobs.pushStream(repositoryAt(server.host), largeBlob, open, options)
  const failure: unknown = await pushed.then(
    () => undefined,
    (error: unknown) => error,
  )
  return { received, failure, seen: server.seen.map(({ method }) => method) }
}

describe('a blob that is sent piece by piece', () => {
  it('arrives, or is taken over from another repository without being sent', async () => {
    async function* pieces() {
      for (let at = 0; at < large.length; at += 100_000) {
        yield await Promise.resolve(large.subarray(at, at + 100_000))
      }
    }
    const sent = await upload(pieces)
    assert.equal(sent.failure, undefined)
    assert.deepEqual(sent.received, [large.length])
    const mounted = await upload(pieces, 'team/other')
    assert.equal(mounted.failure, undefined)
    assert.deepEqual(mounted.seen, ['HEAD', 'POST'])
  })

  it('is never sent whole where its source turns out to be wrong', async () => {
    await using server = await startHostileServer((_request, response) => {
      const other = large.slice()
      other[7] = (other[7] ?? 0) ^ 1
      response.end(other)
    })
    using client = new RegistryClient(EAGER)
    async function* content() {
      yield* await client.blobs.open(repositoryAt(server.host), largeBlob)
    }
    const { failure, received } = await upload(content)
    assert.equal((failure as { code?: string }).code, 'ERR_REGISTRY_DIGEST')
    assert.ok(received.every((length) => length < large.length))
  })
})

/** An image with a bundle, and a client. */
async function prepare() {
  const registry = await startEmbeddedRegistry()
  const client = new RegistryClient()
  const image = await pushTestImage(`${registry.host}/team/app:1`)
  const bundle = { bytes: encode({ a: 1 }), predicateType: 'test/x', createdAt: new Date(0) }
  await publishBundle(client, image, bundle)
  const from = repositorySource(client, image.repository)
  const elsewhere = repositoryAt(registry.host, 'mirror/app')
  return {
    registry,
    client,
    image,
    from,
    to: repositorySink(client, elsewhere),
    written: repositorySource(client, elsewhere),
    tree: () => readImageTree(from, image.digest),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

async function pushIndex(
  client: RegistryClient,
  image: PushedImage,
  manifests: readonly object[],
  tag: string,
): Promise<{ readonly mediaType: string; readonly size: number; readonly digest: string }> {
  const bytes = encode({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests })
  const pushed = { mediaType: OCI_IMAGE_INDEX, bytes }
  const digest = await client.pushManifest(image.repository, tag, pushed)
  return { mediaType: OCI_IMAGE_INDEX, size: bytes.length, digest }
}

describe('a transfer', () => {
  it('counts what is at the destination, the tag being last', async () => {
    await using flow = await prepare()
    const options = { tag: '1' }
    const { from, to, written } = flow
    const report = await transferImage(await flow.tree(), from, to, written, options)
    assert.partialDeepStrictEqual(report, { manifests: 2, blobs: 4, referrers: 1 })
    const puts = flow.registry.requests.filter((line) => line.startsWith('PUT /v2/mirror'))
    assert.match(puts.at(-1) ?? '', /manifests\/1 201$/)
  })

  it('fails where something of it did not arrive', async () => {
    await using flow = await prepare()
    const { from, to, written } = flow
    const sinks: readonly Partial<ArtifactSink>[] = [
      { pushManifest: () => Promise.resolve() },
      {
        pushManifest: (pulled) =>
          pulled.manifest.subject === undefined ? to.pushManifest(pulled) : Promise.resolve(),
      },
    ]
    for (const forgetful of sinks) {
      await assert.rejects(
        transferImage(await flow.tree(), from, { ...to, ...forgetful }, written),
        ({ code }) => code === 'ERR_REGISTRY_INCOMPLETE' || code === 'ERR_REGISTRY_NOT_FOUND',
      )
    }
  })

  it('writes nothing where the source calls a referrer what is none', async () => {
    await using flow = await prepare()
    const { from, to, written, image } = flow
    const { referrers } = await from.findReferrers(image.digest)
    const [referrer] = referrers
    assert.ok(referrer)
    const stranger = await pushTestImage(`${flow.registry.host}/team/app:2`)
    const { mediaType, bytes, digest } = await flow.client.getManifest(
      image.repository,
      stranger.digest,
    )
    const list = [{ mediaType, size: bytes.length, digest }]
    await flow.client.deleteManifest(image.repository, referrer.descriptor.digest)
    await pushIndex(flow.client, image, list, fallbackTag(image.digest))
    await assert.rejects(transferImage(await flow.tree(), from, to, written), {
      code: 'ERR_REGISTRY_REFERRER',
    })
    assert.equal(flow.registry.requests.filter((line) => line.includes('/mirror/')).length, 0)
  })
})

describe('a tree', () => {
  it('is not followed deeper than any image is', async () => {
    await using flow = await prepare()
    const { client, image } = flow
    const { mediaType, bytes, digest } = await client.getManifest(image.repository, image.digest)
    let below = { mediaType, size: bytes.length, digest }
    for (let level = 1; level <= 8; level++) {
      below = await pushIndex(client, image, [below], `level${level}`)
    }
    // The bundle of the image is one level more.
    await readImageTree(flow.from, 'level6')
    await assert.rejects(readImageTree(flow.from, 'level8'), { code: 'ERR_REGISTRY_TOO_LARGE' })
  })

  it('has children of the size and the type that the index says', async () => {
    await using flow = await prepare()
    const { client, image } = flow
    const child = { mediaType: OCI_IMAGE_MANIFEST, size: 1, digest: image.digest }
    await pushIndex(client, image, [child], 'wrong')
    await assert.rejects(readImageTree(flow.from, 'wrong'), { code: 'ERR_REGISTRY_DIGEST' })
    await assert.rejects(readImageTree(flow.from, 'absent'), { code: 'ERR_REGISTRY_NOT_FOUND' })
  })

  it('has all of its children, and no more of them than any image has', async () => {
    await using flow = await prepare()
    const empty = await pushIndex(flow.client, flow.image, [], 'empty')
    const pulled = await flow.client.getManifest(flow.image.repository, empty.digest)
    const digestFor = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}`
    const indexOf = (digest: string, children: readonly number[]) => ({
      ...pulled,
      digest,
      manifest: {
        kind: 'index' as const,
        mediaType: OCI_IMAGE_INDEX,
        manifests: children.map((n) => ({ ...empty, digest: digestFor(n) })),
      } as const,
    })
    /** An index of indexes, with so many in each of them; those from `firstAbsent` on are not there. */
    const source = (inner: number, firstAbsent = Infinity): ArtifactSource => ({
      ...flow.from,
      findReferrers: () =>
        Promise.resolve({ source: 'none', referrers: [], refused: [], passedOver: 0 }),
      findManifest: (reference) => {
        if (reference.startsWith('sha256-')) return Promise.resolve(undefined)
        const number = reference === 'all' ? 0 : Number(`0x${reference.slice(7)}`)
        if (number >= firstAbsent) return Promise.resolve(undefined)
        const below = (first: number, count: number) =>
          Array.from({ length: count }, (_, n) => first + n)
        const children =
          number === 0 ? below(1, 10) : number <= 10 ? below(number * 1000, inner) : []
        return Promise.resolve(indexOf(digestFor(number), children))
      },
    })
    // The index itself, the ten in it and theirs.
    assert.equal(manifestsOf(await readImageTree(source(498), 'all')).length, 4991)
    const tooMany = { code: 'ERR_REGISTRY_TOO_LARGE' }
    await assert.rejects(readImageTree(source(499), 'all'), tooMany)
    const most = await readImageTree(source(600), 'all', { allowsUnread: true })
    assert.equal(manifestsOf(most).length, 5000)
    const leftOut = most.children.flatMap(({ unread }) => unread)
    assert.ok(leftOut.every(({ part, error }) => part === 'rest' && error.code === tooMany.code))
    // In each of those that are not whole it is said how many are missing.
    const missing = leftOut.map(({ error }) => Number(/, (\d+) were not/.exec(error.message)?.[1]))
    assert.equal(
      missing.reduce((sum, one) => sum + one, 0),
      10 * 600 + 11 - 5000,
    )
    const absent = { code: 'ERR_REGISTRY_NOT_FOUND' }
    await assert.rejects(readImageTree(source(498, 10_497), 'all'), absent)
  })

  it('of an index that contains itself is refused', async () => {
    // No digest can be part of what it is made from, so the source has to lie.
    await using flow = await prepare()
    const index = await pushIndex(flow.client, flow.image, [], 'empty')
    const pulled = await flow.client.getManifest(flow.image.repository, index.digest)
    const lying = {
      ...flow.from,
      findManifest: () =>
        Promise.resolve({
          ...pulled,
          manifest: { kind: 'index', mediaType: OCI_IMAGE_INDEX, manifests: [index] } as const,
        }),
    }
    await assert.rejects(readImageTree(lying, 'empty'), { code: 'ERR_REGISTRY_BAD_ANSWER' })
  })
})
