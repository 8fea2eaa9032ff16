import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { component } from '../support/components.ts'
import { startDockerRegistry, startReferrersRegistry, startZot } from '../support/registries.ts'
import { startBreakingProxy } from './breaking-proxy.ts'
import { startHostileServer, type HostileServer } from './hostile-server.ts'
import { digestOf } from './map-registry.ts'

const CHUNK = 64 * 1024
const OPTIONS: RegistryClientOptions = {
  blobs: { chunkBytes: CHUNK },
  retries: { attempts: 2, baseDelayMs: 1, maxDelayMs: 5, maxRetryAfterMs: 50 },
}
/** Five chunks, the last of which is not full. */
const content = randomBytes(5 * CHUNK - 1000)
const digest = digestOf(content)
const blob = { digest, size: content.length }

/** Opens the content in pieces that are no divisors of a chunk; says how often. */
function opener() {
  let opened = 0
  const open = async (): Promise<AsyncIterable<Uint8Array>> => {
    opened += 1
    const pieces: Uint8Array[] = []
    for (let from = 0; from < content.length; from += 10_007) {
      pieces.push(content.subarray(from, from + 10_007))
    }
    return Promise.resolve(Readable.from(pieces))
  }
  return { open, opened: () => opened }
}

async function push(host: string, options: RegistryClientOptions = {}) {
  using client = new RegistryClient({ ...OPTIONS, ...options })
  const repository = { registry: host, repository: 'team/app' }
  const { open, opened } = opener()
  await client.blobs.pushStream(repository, blob, open, {})
  const stored = await client.blobs.get(repository, digest, content.length)
  assert.equal(digestOf(stored), digest)
  return opened()
}

const registries = {
  'docker-registry': { start: startDockerRegistry, skip: component('docker-registry').absent },
  'referrers-registry': {
    start: startReferrersRegistry,
    skip: component('referrers-registry').absent,
  },
  zot: { start: startZot, skip: component('zot').absent },
}

for (const [name, { start, skip }] of Object.entries(registries)) {
  describe(`a large blob on ${name}`, { skip }, () => {
    it('is sent in chunks', async () => {
      await using registry = await startBreakingProxy(await start(), () => false)
      assert.equal(await push(registry.host), 1)
      const ranges = registry.seen
        .filter(({ method }) => method === 'PATCH')
        .map(({ headers }) => headers['content-range'])
      assert.deepEqual(
        ranges,
        [0, 1, 2, 3, 4].map(
          (one) => `${one * CHUNK}-${Math.min((one + 1) * CHUNK, content.length) - 1}`,
        ),
      )
    })

    it('gets there though the connection breaks in the middle of a chunk', async () => {
      for (const broken of [0, 2, 4]) {
        await using registry = await startBreakingProxy(await start(), ({ method, number }) =>
          method === 'PATCH' && number === broken ? 'in the middle' : false,
        )
        await push(registry.host)
      }
    })

    it('gets there though an answer is lost', async () => {
      for (const method of ['PATCH', 'PUT']) {
        await using registry = await startBreakingProxy(await start(), (request) =>
          request.method === method && request.number === 0 ? 'before the answer' : false,
        )
        await push(registry.host)
      }
    })
  })
}

/** A registry that takes chunks, but for what `answer` does instead. */
async function startHostile(
  answer: (server: {
    readonly method: string
    readonly number: number
    readonly last: number
  }) => { status: number; headers?: Record<string, string> } | undefined,
): Promise<HostileServer> {
  const counts = new Map<string, number>()
  return startHostileServer((request, response) => {
    const method = request.method ?? ''
    const number = counts.get(method) ?? 0
    counts.set(method, number + 1)
    const last = Number(request.headers['content-range']?.split('-')[1] ?? 0)
    const location = '/v2/team/app/blobs/uploads/1'
    request.on('end', () => {
      const instead = answer({ method, number, last })
      if (instead !== undefined) {
        response.writeHead(instead.status, { location, ...instead.headers }).end()
      } else if (method === 'HEAD') response.writeHead(404).end()
      else if (method === 'PUT') response.writeHead(201).end()
      else if (method === 'GET' && request.url?.includes(digest) === true) response.end(content)
      else response.writeHead(202, { location, range: `0-${last}` }).end()
    })
  })
}

describe('a large blob on a registry', () => {
  it('that takes no chunks is sent in one request, from then on at once', async () => {
    for (const status of [400, 404, 405, 415, 501]) {
      await using server = await startHostile(({ method }) =>
        method === 'PATCH' ? { status } : undefined,
      )
      using client = new RegistryClient(OPTIONS)
      const repository = { registry: server.host, repository: 'team/app' }
      const { open, opened } = opener()
      await client.blobs.pushStream(repository, blob, open, {})
      assert.equal(opened(), 2)
      await client.blobs.pushStream(repository, blob, open, {})
      assert.equal(opened(), 3)
      const methods = server.seen.map(({ method }) => method)
      assert.equal(methods.filter((method) => method === 'PATCH').length, 1)
      const puts = server.seen.filter(({ method }) => method === 'PUT')
      assert.deepEqual(
        puts.map(({ headers }) => headers['content-length']),
        [String(content.length), String(content.length)],
      )
    }
  })

  it('that wants larger chunks gets them, and none that are too large', async () => {
    for (const [least, patches] of [
      [String(2 * CHUNK), 3],
      [String(1024 ** 3), 0],
      ['many', 5],
      ['-1', 5],
      ['1e400', 5],
    ] as const) {
      await using server = await startHostile(({ method }) =>
        method === 'POST' ? { status: 202, headers: { 'oci-chunk-min-length': least } } : undefined,
      )
      await push(server.host)
      assert.equal(server.seen.filter(({ method }) => method === 'PATCH').length, patches, least)
    }
  })

  it('that has a part of a chunk gets the rest', async () => {
    await using server = await startHostile(({ method, number, last }) => {
      if (method !== 'PATCH' || number !== 1) return undefined
      return { status: 202, headers: { range: `0-${last - 1000}` } }
    })
    assert.equal(await push(server.host), 1)
    const ranges = server.seen.flatMap(({ headers }) => headers['content-range'] ?? [])
    assert.equal(ranges[2], `${2 * CHUNK - 1000}-${2 * CHUNK - 1}`)
  })

  it('that answers 416 is asked how far it came', async () => {
    await using server = await startHostile(({ method, number }) => {
      if (method === 'PATCH' && number === 1) return { status: 416 }
      if (method === 'GET' && number === 0) {
        return { status: 204, headers: { range: `0-${CHUNK + 4999}` } }
      }
      return undefined
    })
    assert.equal(await push(server.host), 1)
    const ranges = server.seen.flatMap(({ headers }) => headers['content-range'] ?? [])
    assert.equal(ranges[2], `${CHUNK + 5000}-${2 * CHUNK - 1}`)
  })

  it('that claims to have more than was sent is not believed', async () => {
    for (const method of ['PATCH', 'GET']) {
      await using server = await startHostile((request) => {
        const headers = { range: `0-${5 * CHUNK}` }
        if (request.method === 'PATCH' && method === 'GET') return { status: 416 }
        return request.method === method ? { status: 202, headers } : undefined
      })
      await assert.rejects(push(server.host), { code: 'ERR_REGISTRY_BAD_ANSWER' })
    }
  })

  it('that never comes further is given up', async () => {
    const answers = [
      // For ever 416, with every kind of news about how far it came.
      { status: 204, headers: { range: '0-0' } },
      { status: 204, headers: {} },
      { status: 204, headers: { range: 'bytes 7-9' } },
      { status: 404, headers: {} },
      { status: 416, headers: {} },
    ]
    const giveUp = async (status: (typeof answers)[number]) => {
      await using server = await startHostile(({ method }) => {
        if (method === 'PATCH') return { status: 416 }
        return method === 'GET' ? status : undefined
      })
      await assert.rejects(push(server.host), { code: 'ERR_REGISTRY_UNAVAILABLE' })
      const patches = server.seen.filter(({ method }) => method === 'PATCH').length
      assert.ok(patches <= 15, `expected an end, found ${patches} chunks`)
    }
    await Promise.all(answers.map(giveUp))
  })

  it('that forgets what it had gets it from the beginning', async () => {
    await using server = await startHostile(({ method, number }) => {
      if (method === 'PATCH' && number === 3) return { status: 404 }
      return undefined
    })
    assert.equal(await push(server.host), 2)
  })

  it('that points elsewhere has no credential sent there', async () => {
    await using elsewhere = await startHostile(() => undefined)
    await using server = await startHostile(({ method, number }) => {
      if (method !== 'PATCH' || number !== 0) return undefined
      const location = `http://${elsewhere.host}/upload`
      return { status: 202, headers: { location } }
    })
    const findCredentials = () =>
      ({ kind: 'password', username: 'someone', password: 'secret' }) as const
    using client = new RegistryClient({ ...OPTIONS, findCredentials })
    const repository = { registry: server.host, repository: 'team/app' }
    await client.blobs.pushStream(repository, blob, opener().open, {})
    const methods = elsewhere.seen.map(({ method }) => method)
    assert.deepEqual(methods, ['PATCH', 'PATCH', 'PATCH', 'PATCH', 'PUT'])
    for (const { headers } of elsewhere.seen) assert.equal(headers.authorization, undefined)
  })

  it('that points to what is not followed is an error', async () => {
    for (const location of ['ftp://x.test/', 'http://user:secret@127.0.0.1/', 'http://x.test/']) {
      await using server = await startHostile(({ method }) =>
        method === 'PATCH' ? { status: 202, headers: { location } } : undefined,
      )
      await assert.rejects(push(server.host), { code: 'ERR_REGISTRY_REDIRECT' })
    }
  })

  it('is not finished where the source has other bytes', async () => {
    await using server = await startHostile(() => undefined)
    using client = new RegistryClient(OPTIONS)
    const repository = { registry: server.host, repository: 'team/app' }
    const open = () =>
      Promise.resolve(
        (async function* () {
          yield await Promise.resolve(content.subarray(0, 3 * CHUNK))
          throw new Error('broken')
        })(),
      )
    await assert.rejects(client.blobs.pushStream(repository, blob, open, {}), /broken/)
    assert.ok(server.seen.every(({ method }) => method !== 'PUT'))
  })
})
