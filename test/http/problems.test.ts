import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { createApp, type AppOptions } from '../../src/http/app.ts'
import type { Services } from '../../src/http/services.ts'
import { BEARER, ORGANIZATION, PRINCIPAL, REQUEST, servicesOf } from './services.ts'

const BASE = `/Api/v1/${ORGANIZATION}`
const headers = { authorization: BEARER }

function appThatThrows(thrown: unknown, options?: AppOptions): ReturnType<typeof createApp> {
  const fail = (): never => {
    throw thrown
  }
  return createApp(servicesOf({ signing: { getStatus: fail, approve: fail } }), options)
}

describe('a bug of ours', () => {
  const lookAlike = {
    name: 'ChanceryError',
    code: 'ERR_POLICY_FORBIDDEN',
    message: 'canary',
    httpStatus: 403,
    statusCode: 403,
    kind: 'denied',
    hints: [],
  }
  const bugs = {
    'a plain Error': new Error('canary'),
    'a TypeError': new TypeError('canary'),
    'a look-alike object': lookAlike,
    'an Error with a status': Object.assign(new Error('canary'), {
      statusCode: 418,
      code: 'ERR_POLICY_FORBIDDEN',
    }),
    'a string': 'canary',
    undefined,
  }
  for (const [name, thrown] of Object.entries(bugs)) {
    it(`is answered with 500 and without its text: ${name}`, async () => {
      let log = ''
      const app = appThatThrows(thrown, { writeLog: (lines) => (log += lines) })
      for (const path of ['Status', 'Approve']) {
        const method = path === 'Status' ? 'GET' : 'POST'
        const answer = await app.inject({
          method,
          url: `${BASE}/SigningRequests/${REQUEST}/${path}`,
          headers,
        })
        assert.equal(answer.statusCode, 500)
        const { traceId, instance, ...problem } = answer.json<Record<string, unknown>>()
        assert.deepEqual(problem, { type: 'about:blank', title: 'Internal error', status: 500 })
        assert.equal(typeof traceId, 'string')
        assert.equal(answer.headers['x-request-id'], instance)
      }
      await app.close()
      assert.match(log, /"kind":"bug"/)
      assert.doesNotMatch(log, /canary/)
    })
  }

  it('leaves its place in the log, and that of its causes', async () => {
    let log = ''
    const bug = new TypeError('canary', { cause: new RangeError('canary') })
    const app = appThatThrows(bug, { writeLog: (lines) => (log += lines) })
    await app.inject({ url: `${BASE}/SigningRequests/${REQUEST}/Status`, headers })
    const line = log.split('\n').find((text) => text.includes('"bug"'))!
    const { errors } = JSON.parse(line) as { errors: { name: string; frames: string[] }[] }
    assert.deepEqual(
      errors.map(({ name }) => name),
      ['TypeError', 'RangeError'],
    )
    assert.ok(errors.every(({ frames }) => frames[0]?.includes('problems.test.ts')))
  })
})

describe('an error of ours', () => {
  const cases: [ChanceryError, number, string?][] = [
    [new ChanceryError('ERR_POLICY_FORBIDDEN', 'm'), 403],
    [new ChanceryError('ERR_SIGNING_MISSING', 'm'), 404],
    [new ChanceryError('ERR_SIGNING_STATE', 'm'), 409],
    [new ChanceryError('ERR_SIGNING_NOT_COMPLETED', 'm'), 400],
    [new ChanceryError('ERR_SIGNING_HASH_NOT_ALLOWED', 'm'), 422],
    [new ChanceryError('ERR_DB_UNAVAILABLE', 'm', { cause: new Error('canary') }), 503, '5'],
  ]
  for (const [thrown, status, retryAfter] of cases) {
    it(`has the status of its kind: ${thrown.code}`, async () => {
      const answer = await appThatThrows(thrown).inject({
        url: `${BASE}/SigningRequests/${REQUEST}/Status`,
        headers,
      })
      assert.equal(answer.statusCode, status)
      assert.equal(answer.headers['retry-after'], retryAfter)
      assert.equal(answer.json<{ type: string }>().type, `urn:chancery:error:${thrown.code}`)
      assert.doesNotMatch(answer.body, /canary/)
    })
  }

  it('shows its field as SignPath does, and its hints', async () => {
    const thrown = new ChanceryError('ERR_SIGNING_UNKNOWN', 'no such policy', {
      field: 'signingPolicySlug',
      hints: ['h'],
    })
    const answer = await appThatThrows(thrown).inject({
      url: `${BASE}/SigningRequests/${REQUEST}/Status`,
      headers,
    })
    const { errors, hints } = answer.json<{ errors: object; hints: string[] }>()
    assert.deepEqual(errors, { SigningPolicySlug: ['no such policy'] })
    assert.deepEqual(hints, ['h'])
  })
})

describe('calls that reach no handler', () => {
  const app = createApp(servicesOf(), { maxBodyBytes: 100 })
  const post = (
    path: string,
    contentType: string,
    payload: string,
    more: Record<string, string> = {},
  ) =>
    app.inject({
      method: 'POST',
      url: `${BASE}/${path}`,
      headers: { ...headers, 'content-type': contentType, ...more },
      payload,
    })
  const codeOf = (answer: { json: <T>() => T }): string =>
    answer.json<{ type: string }>().type.replace('urn:chancery:error:', '')

  it('have no route, or not for the method', async () => {
    for (const path of [
      '/nothing',
      `${BASE}/Nothing`,
      `${BASE}/SigningRequests/a/b/c`,
      `/Api/v1/${'x'.repeat(300)}/Organization`,
    ]) {
      const answer = await app.inject({ url: path })
      assert.equal(answer.statusCode, 404)
      assert.equal(codeOf(answer), 'ERR_HTTP_NO_ROUTE')
    }
    const answer = await app.inject({
      method: 'DELETE',
      url: `${BASE.toLowerCase()}/signingrequests`,
    })
    assert.equal(answer.statusCode, 405)
    assert.equal(answer.headers.allow, 'POST, GET')
    assert.equal(codeOf(answer), 'ERR_HTTP_METHOD')
    assert.equal((await app.inject({ method: 'HEAD', url: '/healthz' })).statusCode, 200)
  })

  it('have a body that is too large', async () => {
    const answer = await post('Projects', 'application/json', `{"slug":"${'x'.repeat(200)}"}`)
    assert.equal(answer.statusCode, 413)
    assert.equal(codeOf(answer), 'ERR_HTTP_BODY_TOO_LARGE')
    const { detail, hints } = answer.json<{ detail: string; hints?: string[] }>()
    assert.equal(detail, 'expected a body of at most 100 bytes')
    assert.match(hints?.join() ?? '', /--max-artifact-bytes/)
  })

  it('have a body of another type, or an encoded one', async () => {
    for (const [path, type] of [
      ['Projects', 'text/plain'],
      ['Projects', 'multipart/form-data; boundary=b'],
      ['Projects', 'nonsense'],
      ['SigningRequests', 'application/json'],
    ] as const) {
      const answer = await post(path, type, '{}')
      assert.equal(answer.statusCode, 415, type)
    }
    const bomb = await post('Projects', 'application/json', 'x', { 'content-encoding': 'gzip' })
    assert.equal(bomb.statusCode, 415)
    const raw = `SigningRequests/${REQUEST}/UploadUnsignedArtifact`
    assert.equal(
      (await post(raw, 'application/octet-stream', 'x', { 'content-encoding': 'br' })).statusCode,
      415,
    )
  })

  it('have a body that is malformed', async () => {
    for (const [path, type, body] of [
      ['Projects', 'application/json', ''],
      ['Projects', 'application/json', '{'],
      ['Projects', 'application/json', '{"slug":"a","slug":"b","name":"n"}'],
      ['Projects', 'application/json', '\u{feff}{}'],
      ['Projects', 'application/json', '['.repeat(80)],
      ['Projects', 'application/json', '{"slug":"a","name":"\u0001"}'],
      ['SigningRequests', 'multipart/form-data', '--b--'],
      ['SigningRequests', 'multipart/form-data; boundary=b', '--b\r\nContent-Disp'],
      ['SigningRequests', 'multipart/form-data; boundary=b', ''],
      ['SigningRequests/not-a-guid/Approve', 'application/json', ''],
    ] as const) {
      const answer = await post(path, type, body)
      assert.equal(answer.statusCode, 400, `${path} ${body}: ${answer.body}`)
    }
  })

  it('have a body with more values than any route reads, which is not looked at further', async () => {
    for (const body of [
      `{"slug":"a","name":"n","x":[${'1,'.repeat(10_000)}1]}`,
      `{"slug":"a","name":"n","x":[${'[],'.repeat(10_000)}[]]}`,
      `{${Array.from({ length: 10_001 }, (_, at) => `"${at}":0`).join(',')}}`,
    ]) {
      const answer = await createApp(servicesOf()).inject({
        method: 'POST',
        url: `${BASE}/Projects`,
        headers: { ...headers, 'content-type': 'application/json' },
        payload: body,
      })
      assert.equal(answer.statusCode, 400)
      const { detail } = answer.json<{ detail: string }>()
      assert.match(detail, /fewer (?:array elements|members in the document)/)
    }
  })

  it('have a query string that is not understood', async () => {
    for (const query of [
      '?limit=0',
      '?limit=x',
      '?status=Done',
      '?projectslug=a&projectSlug=b',
      '?digests=sha256:00',
      '?limit=1&limit=2',
    ]) {
      const answer = await app.inject({ url: `${BASE}/SigningRequests${query}`, headers })
      assert.equal(answer.statusCode, 400, query)
    }
  })

  it('have a path that is malformed', async () => {
    assert.equal((await app.inject({ url: `${BASE}/%ff`, headers })).statusCode, 400)
  })
})

describe('organizations', () => {
  it('are checked before anything else, unknown and foreign ones alike', async () => {
    const app = createApp(servicesOf())
    const answers = []
    for (const organization of [
      REQUEST,
      '00000000-0000-0000-0000-000000000000',
      'nonsense',
      `${ORGANIZATION}0`,
    ]) {
      const url = `/Api/v1/${organization}/SigningRequests`
      const call = {
        method: 'POST' as const,
        url,
        headers: { ...headers, 'content-type': 'nonsense' },
        payload: '{',
      }
      const answer = await app.inject(call)
      assert.equal(answer.statusCode, 403, organization)
      const { detail, errors, hints } = answer.json<Record<string, unknown>>()
      answers.push(JSON.stringify({ detail, errors, hints }))
    }
    assert.equal(new Set(answers).size, 1)
  })

  it('are unknown to everyone without a token', async () => {
    const app = createApp(servicesOf())
    for (const authorization of [undefined, 'Bearer', 'Bearer x', 'Basic eDp5', `${BEARER}x`]) {
      const answer = await app.inject({
        url: `/Api/v1/${REQUEST}/Organization`,
        headers: authorization === undefined ? {} : { authorization },
      })
      assert.equal(answer.statusCode, 401)
    }
  })
})

describe('refused credentials', () => {
  it('reach the audit log once a minute and address, with their number', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const recorded: Parameters<Services['recordLoginFailure']>[0][] = []
    const app = createApp(servicesOf({ recordLoginFailure: (failure) => recorded.push(failure) }))
    const call = (remoteAddress: string) =>
      app.inject({ url: `${BASE}/Organization`, remoteAddress })
    for (let index = 0; index < 5; index++) await call('192.0.2.1')
    await call('192.0.2.2')
    assert.deepEqual(
      recorded.map(({ address, attempts }) => [address, attempts]),
      [
        ['192.0.2.1', 1],
        ['192.0.2.2', 1],
      ],
    )
    assert.match(recorded[0]!.requestId, /^[0-9a-f]{32}$/)
    context.mock.timers.tick(60_000)
    assert.deepEqual(
      recorded.slice(2).map(({ address, attempts }) => [address, attempts]),
      [['192.0.2.1', 4]],
    )
    recorded.length = 0
    for (let index = 0; index < 300; index++) await call(`198.51.100.${index}`)
    assert.equal(recorded.length, 101)
    context.mock.timers.tick(60_000)
    assert.deepEqual(
      recorded.slice(101).map(({ address, attempts }) => [address, attempts]),
      [[null, 199]],
    )
  })

  it('are recorded when the server closes', async () => {
    const recorded: number[] = []
    const app = createApp(
      servicesOf({ recordLoginFailure: ({ attempts }) => recorded.push(attempts) }),
    )
    for (let index = 0; index < 3; index++) await app.inject({ url: `${BASE}/Organization` })
    await app.close()
    assert.deepEqual(recorded, [1, 2])
  })

  it('are not those of an authenticator that is broken', async () => {
    const recorded: number[] = []
    const app = createApp(
      servicesOf({
        authenticate: () => {
          throw new Error('canary')
        },
        recordLoginFailure: ({ attempts }) => recorded.push(attempts),
      }),
    )
    assert.equal((await app.inject({ url: `${BASE}/Organization`, headers })).statusCode, 500)
    assert.deepEqual(recorded, [])
  })
})

it('handlers see who calls, from where, and in which request', async () => {
  let seen: unknown
  const app = createApp(
    servicesOf({
      administration: {
        getOrganization: (caller) => {
          seen = caller
          return {} as never
        },
      },
    }),
  )
  const answer = await app.inject({
    url: `${BASE}/Organization`,
    headers: { ...headers, 'x-forwarded-for': '203.0.113.9' },
    remoteAddress: '192.0.2.7',
  })
  assert.deepEqual(seen, {
    principal: PRINCIPAL,
    address: '192.0.2.7',
    requestId: answer.headers['x-request-id'],
  })
})
