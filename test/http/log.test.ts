import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../src/http/app.ts'
import { Log } from '../../src/http/log.ts'
import { BEARER, ORGANIZATION, PRINCIPAL, REQUEST, servicesOf, SUBMITTED } from './services.ts'

const BASE = `/Api/v1/${ORGANIZATION}`
const CANARY = 'canary-7f1b'

interface Line {
  kind: string
  requestId: string
  status: number
  [member: string]: unknown
}

function read(log: string): Line[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

describe('the access log', () => {
  it('has one line for each request, without its query string', async () => {
    let log = ''
    const app = createApp(servicesOf({ signing: { getStatus: () => SUBMITTED } }), {
      writeLog: (lines) => (log += lines),
    })
    const url = `${BASE}/SigningRequests/${REQUEST}/Status`
    const answer = await app.inject({
      url: `${url}?a=b`,
      headers: { authorization: BEARER },
      remoteAddress: '192.0.2.7',
    })
    await app.inject({ url: '/no"thing' })
    await app.close()
    const [first, second] = read(log)
    const { at, ms, ...line } = first!
    assert.match(String(at), /^\d{4}-\d\d-\d\dT/)
    assert.equal(typeof ms, 'number')
    assert.deepEqual(line, {
      kind: 'access',
      requestId: answer.headers['x-request-id'],
      method: 'GET',
      operation: 'GetSigningRequestStatus',
      path: url,
      status: 200,
      principal: PRINCIPAL.userId,
      address: '192.0.2.7',
    })
    assert.deepEqual(
      [second!['operation'], second!['principal'], second!.status],
      [null, null, 404],
    )
  })

  it('is written in blocks', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const blocks: string[] = []
    const app = createApp(servicesOf(), { writeLog: (lines) => blocks.push(lines) })
    for (let index = 0; index < 20; index++) await app.inject({ url: '/healthz' })
    assert.deepEqual(blocks, [])
    mock.timers.tick(100)
    assert.equal(blocks.length, 1)
    assert.equal(read(blocks.join('')).length, 20)
    await app.close()
  })
})

it('a secret in any place of a request reaches neither the log nor the answer', async () => {
  let log = ''
  const thrower = (): never => {
    throw new Error(`while handling ${CANARY}`)
  }
  const app = createApp(
    servicesOf({
      signing: {
        getStatus: thrower,
        list: thrower,
        submitWithArtifact: thrower,
        signHash: thrower,
      },
    }),
    { writeLog: (lines) => (log += lines) },
  )
  const headers = { authorization: BEARER }
  const form = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name=${name}\r\n\r\n${value}\r\n--b\r\n` +
    `Content-Disposition: form-data; name=Artifact; filename="${CANARY}"\r\n\r\n${CANARY}\r\n--b--`
  const multipart = { ...headers, 'content-type': 'multipart/form-data; boundary=b' }
  const json = { ...headers, 'content-type': 'application/json' }
  const answers = [
    await app.inject({
      url: `${BASE}/Organization`,
      headers: { authorization: `Bearer ${CANARY}` },
    }),
    await app.inject({
      url: `${BASE}/Organization`,
      headers: { authorization: `Basic ${CANARY}` },
    }),
    await app.inject({ url: `${BASE}/SigningRequests/${REQUEST}/Status?token=${CANARY}`, headers }),
    await app.inject({ url: `${BASE}/SigningRequests?status=${CANARY}`, headers }),
    await app.inject({ url: `${BASE}/SigningRequests?repository=${CANARY}`, headers }),
    await app.inject({
      url: `/nothing?token=${CANARY}`,
      headers: { cookie: CANARY, 'x-custom': CANARY },
    }),
    await app.inject({
      url: '/healthz',
      headers: { host: `${CANARY} x`, 'x-forwarded-for': CANARY },
    }),
    await app.inject({ url: `${BASE}/Organization`, headers: { ...headers, host: `${CANARY}/x` } }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/Projects`,
      headers: json,
      payload: `{"slug":"${CANARY} x"`,
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/Projects`,
      headers: json,
      payload: { slug: `${CANARY} x`, name: 1 },
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/Projects`,
      headers: json,
      payload: JSON.stringify(CANARY),
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/Projects`,
      headers: { ...headers, 'content-type': CANARY },
      payload: 'x',
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/Projects`,
      headers: { ...json, 'idempotency-key': `${CANARY} x` },
      payload: '{}',
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/SigningRequests`,
      headers: multipart,
      payload: form('ProjectSlug', 'p'),
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/SigningRequests`,
      headers: multipart,
      payload: form('ProjectSlug', `${CANARY} x`),
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/SigningRequests`,
      headers: multipart,
      payload: `--b\r\n${CANARY}`,
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/SigningRequests`,
      headers: multipart,
      payload: form('IsFastSigningRequest', 'true'),
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/Certificates/Import`,
      headers: multipart,
      payload: form('Passphrase', CANARY),
    }),
    await app.inject({
      method: 'POST',
      url: `${BASE}/SigningRequests/SignHash`,
      headers: json,
      payload: {
        projectSlug: 'p',
        signingPolicySlug: 's',
        hashSigningData: { signatureAlgorithm: 'Rsa', hash: CANARY },
      },
    }),
  ]
  await app.close()
  assert.equal(read(log).filter(({ kind }) => kind === 'access').length, answers.length)
  assert.ok(read(log).some(({ kind }) => kind === 'bug'))
  assert.ok(
    !log.includes(CANARY),
    log.split('\n').find((line) => line.includes(CANARY)),
  )
  for (const { statusCode, body, headers: sent } of answers) {
    assert.ok(statusCode === 200 || statusCode >= 400)
    assert.ok(!body.includes(CANARY), body)
    assert.ok(!JSON.stringify(sent).includes(CANARY))
  }
})

describe('what fails in the background', () => {
  it('has one line with names, codes and places, and nothing that a message may quote', () => {
    let text = ''
    const log = new Log((lines) => (text += lines))
    const cause = Object.assign(new TypeError(`found ${CANARY}`), { code: 'E_CAUSE' })
    log.background('the last use of tokens', new Error(`about ${CANARY}`, { cause }))
    const [line] = read(text)
    assert.deepEqual([line?.kind, line?.['about']], ['background', 'the last use of tokens'])
    const errors = line?.['errors'] as { name: string; code?: string; frames: string[] }[]
    assert.deepEqual(
      errors.map(({ name, code }) => [name, code]),
      [
        ['Error', undefined],
        ['TypeError', 'E_CAUSE'],
      ],
    )
    assert.match(errors[0]?.frames[0] ?? '', /^at .*log\.test\.ts/)
    assert.doesNotMatch(text, new RegExp(CANARY))
  })
})
