import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { createApp } from '../../src/http/app.ts'
import { ROUTES } from '../../src/http/routes/routes.ts'
import { BEARER, ORGANIZATION, REQUEST, servicesOf, SUBMITTED } from './services.ts'

const BASE = `/Api/v1/${ORGANIZATION}`
const headers = { authorization: BEARER }

describe('operations routes', () => {
  it('say that the process lives', async () => {
    const app = createApp(servicesOf())
    for (const url of ['/healthz', '/Api/healthz', '/API/HEALTHZ']) {
      const answer = await app.inject({ url })
      assert.deepEqual([answer.statusCode, answer.json()], [200, { status: 'Healthy' }])
    }
    const info = await createApp(servicesOf(), { version: '1.2.3' }).inject({
      url: '/Api/v1/Meta/SystemInfo',
    })
    assert.deepEqual(info.json(), { product: 'Chancery', version: '1.2.3' })
  })

  it('say whether it can work', async () => {
    assert.equal((await createApp(servicesOf()).inject({ url: '/readyz' })).statusCode, 200)
    const readiness = () => ({ isReady: false, checks: { store: false, keys: true } })
    const answer = await createApp(servicesOf({ readiness })).inject({ url: '/readyz' })
    assert.equal(answer.statusCode, 503)
    assert.equal(answer.json<{ detail: string }>().detail, 'not ready: store')
  })

  it('say what this is, and point to the API', async () => {
    const app = createApp(servicesOf())
    for (const url of ['/', `/Web/${ORGANIZATION}/SigningRequests/${REQUEST}`]) {
      const answer = await app.inject({ url })
      assert.equal(answer.statusCode, 200)
      assert.match(answer.body, /\/openapi\.json/)
      assert.match(String(answer.headers['content-security-policy']), /default-src 'none'/)
      assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    }
  })
})

describe('metrics', () => {
  it('count by operation and status class, and nothing a client can choose', async () => {
    const app = createApp(servicesOf({ signing: { submitWithArtifact: async () => SUBMITTED } }))
    const payload = { projectSlug: 'p', signingPolicySlug: 's', payload: 'AA==' }
    await app.inject({
      method: 'POST',
      url: `${BASE}/SigningRequests/SubmitWithPayload`,
      headers,
      payload,
    })
    const series = async () => {
      const { body } = await app.inject({ url: '/metrics' })
      return body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    }
    await series()
    const before = await series()
    assert.ok(
      before.includes('chancery_http_requests_total{operation="SubmitWithPayload",status="2xx"} 1'),
    )
    assert.ok(before.includes('chancery_submissions_total{status="Completed"} 1'))
    assert.ok(before.includes('chancery_submission_signatures_total 1'))
    assert.ok(before.some((line) => /^process_resident_memory_bytes [1-9]/.test(line)))
    assert.doesNotMatch(before.join('\n'), new RegExp(ORGANIZATION))
    await app.inject({ url: '/nothing' })
    const settled = (await series()).length
    for (let index = 0; index < 300; index++) {
      await app.inject({
        method: index % 2 === 0 ? 'GET' : 'PUT',
        url: `/random/${index}?q=${index}`,
        headers: { x: `${index}` },
      })
    }
    assert.equal((await series()).length, settled)
  })

  it('have histograms whose buckets add up', async () => {
    const app = createApp(servicesOf())
    for (let index = 0; index < 10; index++) await app.inject({ url: '/healthz' })
    const { body } = await app.inject({ url: '/metrics' })
    assert.match(
      body,
      /chancery_http_request_seconds_bucket\{operation="GetHealth",le="\+Inf"\} 10\n/,
    )
    assert.match(body, /chancery_http_request_seconds_count\{operation="GetHealth"\} 10\n/)
  })
})

describe('the OpenAPI document', () => {
  interface Operation {
    operationId: string
    parameters?: { name: string; in: string }[]
    responses: object
  }
  interface Document {
    openapi: string
    info: { version: string }
    paths: Record<string, Record<string, Operation>>
    components: { schemas: Record<string, object> }
  }
  const load = async (url: string): Promise<Document> =>
    (await createApp(servicesOf(), { version: '1.2.3' }).inject({ url })).json<Document>()

  it('is served under both addresses', async () => {
    const document = await load('/openapi.json')
    assert.equal(document.openapi, '3.1.0')
    assert.equal(document.info.version, '1.2.3')
    assert.deepEqual(await load('/Api/swagger'), document)
  })

  it('has every route, once, with an operation id of its own', async () => {
    const { paths } = await load('/openapi.json')
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { operationId }]) => `${method.toUpperCase()} ${path} ${operationId}`,
      ),
    )
    const table = ROUTES.map(
      ({ method, paths: [path], operationId }) => `${method} ${path} ${operationId}`,
    )
    assert.ok(table.length > 90)
    assert.deepEqual(operations.sort(), table.sort())
    assert.equal(new Set(ROUTES.map(({ operationId }) => operationId)).size, ROUTES.length)
  })

  it('has no reference without a target and no path parameter without a declaration', async () => {
    const document = await load('/openapi.json')
    const references = Array.from(
      JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g),
      ([, name]) => name!,
    )
    assert.ok(references.length > 50)
    for (const name of references)
      assert.ok(Object.keys(document.components.schemas[name] ?? {}).length > 0, name)
    for (const name of Object.keys(document.components.schemas))
      assert.ok(references.includes(name), name)
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name!)
      for (const { operationId, parameters = [] } of Object.values(methods)) {
        const declared = parameters
          .filter((parameter) => parameter.in === 'path')
          .map(({ name }) => name)
        const isPublicAlias = path.startsWith('/Web')
        if (!isPublicAlias) assert.deepEqual(declared, inPath, operationId)
        const names = parameters.map(({ name }) => name)
        assert.equal(new Set(names).size, names.length, operationId)
      }
    }
  })

  it('says what each submission reads', async () => {
    const document = JSON.stringify(await load('/openapi.json'))
    for (const name of [
      'origin.repositoryData.url',
      'isFastSigningRequest',
      'unsignedArtifactMetadata.sha256Hash',
      'SubmitWithPayload',
    ]) {
      assert.ok(document.includes(`"${name}"`), name)
    }
  })
})

describe('the audit log', () => {
  const pieces = async function* (...texts: readonly string[]): AsyncGenerator<string> {
    yield* texts
  }
  const event = (number: number) => ({ number }) as never
  const audit = {
    list: (_caller: unknown, { limit }: { readonly limit?: number }) =>
      Promise.resolve({ events: [event(7), event(6)], next: limit === 2 ? 6 : null }),
    export: (_caller: unknown, _query: unknown, format: string) =>
      pieces(`${format}\n`, 'second\n'),
    verify: async () => ({ isIntact: true, events: 0, headHash: '', brokenAt: null, reason: null }),
  }

  it('is listed page by page', async () => {
    const app = createApp(servicesOf({ audit }))
    const full = await app.inject({ url: `${BASE}/AuditEvents?limit=2&order=desc`, headers })
    assert.deepEqual(full.json(), { events: [{ number: 7 }, { number: 6 }], next: 6 })
    const last = await app.inject({ url: `${BASE}/AuditEvents?limit=3`, headers })
    assert.equal(last.json<{ next: unknown }>().next, null)
  })

  it('is exported in pieces, as JSON lines or CSV', async () => {
    const app = createApp(servicesOf({ audit }))
    const jsonl = await app.inject({ url: `${BASE}/AuditEvents/Export`, headers })
    assert.deepEqual(
      [jsonl.body, jsonl.headers['content-type']],
      ['jsonl\nsecond\n', 'application/jsonl'],
    )
    const csv = await app.inject({ url: `${BASE}/AuditEvents/Export?Format=csv`, headers })
    assert.deepEqual(
      [csv.body, csv.headers['content-type']],
      ['csv\nsecond\n', 'text/csv; charset=utf-8'],
    )
    assert.match(String(csv.headers['content-disposition']), /audit-events\.csv/)
    assert.equal(
      (await app.inject({ url: `${BASE}/AuditEvents/Export?format=xml`, headers })).statusCode,
      400,
    )
  })

  it('refuses an export before it starts', async () => {
    const refusing = async function* (): AsyncGenerator<string> {
      yield* []
      throw new ChanceryError('ERR_POLICY_FORBIDDEN', 'no')
    }
    const app = createApp(servicesOf({ audit: { ...audit, export: refusing } }))
    assert.equal((await app.inject({ url: `${BASE}/AuditEvents/Export`, headers })).statusCode, 403)
  })

  it('is verified', async () => {
    const app = createApp(servicesOf({ audit }))
    const answer = await app.inject({ url: `${BASE}/AuditEvents/Verify`, headers })
    assert.equal(answer.json<{ isIntact: boolean }>().isIntact, true)
  })
})
