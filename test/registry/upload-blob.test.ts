import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { startHostileServer } from './hostile-server.ts'

const bytes = new TextEncoder().encode('a small blob')
const digest = `sha256:${sha256Hex(bytes)}`

/** Uploads to a registry that answers the first request as `answerFirst` says, and is an ordinary one for the rest. */
async function upload(answerFirst: (request: IncomingMessage, response: ServerResponse) => void) {
  let isFirst = true
  await using server = await startHostileServer((request, response) => {
    if (isFirst) {
      isFirst = false
      answerFirst(request, response)
    } else if (request.method === 'POST') {
      response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end()
    } else response.writeHead(request.method === 'PUT' ? 201 : 404).end()
  })
  using client = new RegistryClient()
  const repository = { registry: server.host, repository: 'team/app' }
  const result = await client.blobs.upload(repository, bytes)
  assert.equal(result, digest)
  return server.seen.map(({ method, url }) => `${method} ${url.replace(/.*blobs\//, '')}`)
}

const single = `POST uploads/?digest=${digest}`
const put = `PUT uploads/1?digest=${encodeURIComponent(digest)}`

describe('a small blob', () => {
  it('goes along with the first request where the registry takes it so', async () => {
    assert.deepEqual(await upload((_, response) => response.writeHead(201).end()), [single])
  })

  it('is sent to where the registry says, where it does not', async () => {
    const seen = await upload((_, response) =>
      response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end(),
    )
    assert.deepEqual(seen, [single, put])
  })

  it('is pushed like any other where the registry does not know such a request', async () => {
    const head = `HEAD ${digest}`
    for (const status of [400, 404, 405]) {
      const seen = await upload((_, response) => response.writeHead(status).end())
      assert.deepEqual(seen, [single, head, 'POST uploads/', put])
    }
  })
})

describe('a token that ends in the middle of an upload', () => {
  /** Uploads to a registry that takes each of its tokens for so many requests, and says what it was asked. */
  async function uploadWith(
    requests: number,
    send: (client: RegistryClient, host: string) => Promise<unknown>,
  ) {
    let [tokens, left] = [0, 0]
    const seen: string[] = []
    await using server = await startHostileServer((request, response) => {
      let received = 0
      request.on('data', (chunk: Uint8Array) => (received += chunk.length))
      request.on('end', () => {
        const { method, url = '', headers } = request
        if (url.startsWith('/token')) {
          left = requests
          response.end(`{"token":"t${++tokens}","expires_in":300}`)
          return
        }
        const token = headers.authorization?.replace('Bearer ', '')
        seen.push(`${method} ${received} ${token}`)
        if (token !== `t${tokens}` || left-- === 0) {
          const challenge = `Bearer realm="http://${headers.host}/token"`
          response.writeHead(401, { 'www-authenticate': challenge }).end()
        } else if (method === 'POST') {
          response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1' }).end()
        } else if (method === 'PATCH') {
          const range = `0-${headers['content-range']?.split('-')[1]}`
          response.writeHead(202, { location: '/v2/team/app/blobs/uploads/1', range }).end()
        } else response.writeHead(method === 'PUT' ? 201 : 404).end()
      })
    })
    using client = new RegistryClient({ blobs: { chunkBytes: 64 * 1024 } })
    await send(client, server.host)
    return seen
  }

  const repositoryAt = (registry: string) => ({ registry, repository: 'team/app' })

  it('is replaced, and the bytes are sent again', async () => {
    const seen = await uploadWith(2, (client, host) => client.blobs.push(repositoryAt(host), bytes))
    assert.deepEqual(seen, ['HEAD 0 undefined', 'HEAD 0 t1', 'POST 0 t1', 'PUT 12 t1', 'PUT 12 t2'])
  })

  it('is replaced before each chunk', async () => {
    const content = new Uint8Array(3 * 64 * 1024)
    const blob = { digest: `sha256:${sha256Hex(content)}`, size: content.length }
    const seen = await uploadWith(2, (client, host) =>
      client.blobs.pushStream(repositoryAt(host), blob, async () => Readable.from([content]), {}),
    )
    assert.deepEqual(seen, [
      'HEAD 0 undefined',
      'HEAD 0 t1',
      'POST 0 t1',
      'PATCH 65536 t1',
      'PATCH 65536 t2',
      'PATCH 65536 t2',
      'PATCH 65536 t2',
      'PATCH 65536 t3',
      'PUT 0 t3',
    ])
  })

  it('ends one that cannot be sent again', async () => {
    const blob = { digest, size: bytes.length }
    const upload = uploadWith(2, (client, host) =>
      client.blobs.pushStream(repositoryAt(host), blob, async () => Readable.from([bytes]), {}),
    )
    await assert.rejects(upload, { code: 'ERR_REGISTRY_UNAUTHORIZED' })
  })
})
