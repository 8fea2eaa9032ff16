import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { startHostileServer } from './hostile-server.ts'

const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] })
const UNAVAILABLE = { code: 'ERR_REGISTRY_UNAVAILABLE' }

function clientWith(options: RegistryClientOptions): RegistryClient {
  const retries = { attempts: 100, baseDelayMs: 10, maxDelayMs: 20, ...options.retries }
  return new RegistryClient({ ...options, retries })
}

describe('a registry that does not answer', () => {
  it('is tried for so long and no longer, by all requests together', async () => {
    await using server = await startHostileServer(() => undefined)
    using client = clientWith({ timeouts: { answerMs: 400 }, retries: { patienceMs: 1000 } })
    const repository = { registry: server.host, repository: 'app' }
    // The first request looks for TLS, which is another matter.
    await client
      .findReferrersPage(repository, 'x', '', AbortSignal.timeout(50))
      .catch(() => undefined)
    const startedAt = performance.now()
    const many = Array.from({ length: 5 }, (_, tag) => client.getManifest(repository, `${tag}`))
    const outcomes = await Promise.allSettled(many)
    const tookMs = performance.now() - startedAt
    assert.ok(outcomes.every(({ status }) => status === 'rejected'))
    assert.ok(tookMs > 900 && tookMs < 2500, `${tookMs}`)
    const before = server.seen.length
    await assert.rejects(client.getManifest(repository, 'later'), {
      ...UNAVAILABLE,
      message: /was tried for \d+ s and did not answer/,
    })
    assert.ok(performance.now() - startedAt - tookMs < 300)
    assert.equal(server.seen.length, before)
  })

  it('is not asked more often the more requests wait for it', async () => {
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(503).end(),
    )
    using client = clientWith({ retries: { patienceMs: 60_000 } })
    const repository = { registry: server.host, repository: 'app' }
    const many = Array.from({ length: 30 }, (_, tag) => client.getManifest(repository, `${tag}`))
    const outcomes = await Promise.allSettled(many)
    assert.ok(outcomes.every(({ status }) => status === 'rejected'))
    // Each once, and 20 repetitions in all.
    assert.equal(server.seen.filter(({ url }) => url.includes('manifests')).length, 50)
  })

  it('is left alone by all requests for as long as it asks one of them', async () => {
    let askedAt = 0
    const early: string[] = []
    await using server = await startHostileServer((request, response) => {
      if (askedAt === 0) {
        askedAt = performance.now()
        response.writeHead(429, { 'retry-after': '1' }).end()
        return
      }
      if (performance.now() - askedAt < 950) early.push(request.url ?? '')
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index)
    })
    const told: string[] = []
    using client = clientWith({ onWait: (message) => told.push(message) })
    const repository = { registry: server.host, repository: 'app' }
    const first = client.getManifest(repository, 'first')
    while (askedAt === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await Promise.all([first, client.getManifest(repository, 'second')])
    assert.deepEqual(early, [])
    assert.deepEqual(told, [`${server.host} answered 429; waiting 1 s`])
  })

  it('is told of while it is waited for', async () => {
    await using server = await startHostileServer((request, response) => {
      if (request.url?.includes('manifests') !== true) response.end()
      else {
        setTimeout(() => {
          response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index)
        }, 5_500)
      }
    })
    const told: string[] = []
    using client = clientWith({ onWait: (message) => told.push(message) })
    const repository = { registry: server.host, repository: 'app' }
    await Promise.all([client.getManifest(repository, '1'), client.getManifest(repository, '2')])
    assert.deepEqual(told, [`waiting for ${server.host}, which has not answered for 5 s`])
  })
})
