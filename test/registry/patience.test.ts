import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { until } from '../support/until.ts'
import { startHostileServer } from './hostile-server.ts'
import { UNHURRIED } from './unhurried.ts'

const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] })
const UNAVAILABLE = { code: 'ERR_REGISTRY_UNAVAILABLE' }

function clientWith(options: RegistryClientOptions): RegistryClient {
  const retries = { attempts: 100, baseDelayMs: 10, maxDelayMs: 20, ...options.retries }
  return new RegistryClient({
    ...options,
    retries,
    timeouts: { ...UNHURRIED, ...options.timeouts },
  })
}

describe('a registry that does not answer', () => {
  it('is tried for so long and no longer, by all requests together', async () => {
    await using server = await startHostileServer((request, response) => {
      // Whether TLS is spoken, which is another matter.
      if (request.url?.includes('manifests') !== true) response.end()
    })
    using client = clientWith({ timeouts: { answerMs: 400 }, retries: { patienceMs: 1000 } })
    const repository = { registry: server.host, repository: 'app' }
    const startedAt = performance.now()
    const many = Array.from({ length: 5 }, (_, tag) => client.getManifest(repository, `${tag}`))
    const outcomes = await Promise.allSettled(many)
    const tookMs = performance.now() - startedAt
    assert.ok(outcomes.every(({ status }) => status === 'rejected'))
    // A hundred attempts would take forty seconds.
    assert.ok(tookMs > 900 && tookMs < 30_000, `${tookMs}`)
    const before = server.seen.length
    await assert.rejects(client.getManifest(repository, 'later'), {
      ...UNAVAILABLE,
      message: /was tried for \d+ s and did not answer/,
    })
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
    await until('the answer is known', () => told.length > 0)
    await Promise.all([first, client.getManifest(repository, 'second')])
    assert.deepEqual(early, [])
    assert.equal(told[0], `${server.host} answered 429; waiting 1 s`)
  })

  it('is told of while it is waited for, once for all requests', async () => {
    const told: string[] = []
    const waiting: ServerResponse[] = []
    await using server = await startHostileServer((request, response) => {
      if (request.url?.includes('manifests') === true) waiting.push(response)
      else response.end()
    })
    using client = clientWith({ onWait: (message) => told.push(message) })
    const repository = { registry: server.host, repository: 'app' }
    const both = [client.getManifest(repository, '1'), client.getManifest(repository, '2')]
    await until('both are waited for', () => waiting.length === 2)
    await until('it is told', () => told.length > 0)
    // In which the other one is told of, if it is.
    await new Promise((resolve) => setTimeout(resolve, 500))
    for (const response of waiting) {
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index)
    }
    await Promise.all(both)
    assert.equal(told.length, 1)
    assert.match(
      told[0]!,
      new RegExp(`^waiting for ${server.host}, which has not answered for \\d+ s$`),
    )
  })
})
