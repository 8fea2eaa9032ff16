import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
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
