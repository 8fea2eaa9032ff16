import assert from 'node:assert/strict'
import { connect, type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createApp } from '../../src/http/app.ts'
import { BEARER, ORGANIZATION, servicesOf, SUBMITTED } from './services.ts'

const BASE = `/Api/v1/${ORGANIZATION}`

describe('over a socket', () => {
  const services = servicesOf({ signing: { submitWithArtifact: async () => SUBMITTED } })
  const app = createApp(services, { maxBodyBytes: 1000 })
  const hasty = createApp(services, { headersTimeoutMs: 300, requestTimeoutMs: 800 })
  const portOf = ({ server }: typeof app): number => (server.address() as AddressInfo).port
  let port = 0
  before(async () => {
    for (const one of [app, hasty]) await one.listen({ port: 0, host: '127.0.0.1' })
    port = portOf(app)
  })
  after(async () => {
    for (const one of [app, hasty]) await one.close()
  })

  /** Sends pieces of bytes, with pauses, and reads until the server closes. */
  const exchange = (...pieces: readonly (string | number)[]): Promise<string> =>
    exchangeWith(app, ...pieces)
  const exchangeWith = async (
    server: typeof app,
    ...pieces: readonly (string | number)[]
  ): Promise<string> => {
    const socket = connect(portOf(server), '127.0.0.1')
    let text = ''
    socket.on('data', (data) => (text += data.toString('latin1'))).on('error', () => undefined)
    const closed = new Promise((resolve) => socket.on('close', resolve))
    for (const piece of pieces) {
      if (typeof piece === 'number') await new Promise((resolve) => setTimeout(resolve, piece))
      else socket.write(piece)
    }
    await closed
    return text
  }
  const head = (method: string, path: string, ...headers: readonly string[]): string =>
    [`${method} ${path} HTTP/1.1`, `Host: localhost:${port}`, ...headers, '', ''].join('\r\n')
  const authorization = `Authorization: ${BEARER}`

  it('a signing request is answered, and the connection serves the next one', async () => {
    const body = JSON.stringify({ projectSlug: 'p', signingPolicySlug: 's', payload: 'AA==' })
    const call = head(
      'POST',
      `${BASE}/SigningRequests/SubmitWithPayload`,
      authorization,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    )
    const text = await exchange(call + body, 100, head('GET', '/healthz', 'Connection: close'))
    assert.match(text, /^HTTP\/1\.1 201 Created\r\n/)
    assert.match(
      text,
      new RegExp(`location: http://localhost:${port}${BASE}/SigningRequests/`, 'i'),
    )
    assert.match(text, /HTTP\/1\.1 200 OK/)
  })

  it('headers that trickle in are cut off', async () => {
    const pieces = ['GET / HTTP/1.1\r\nHost: x\r\n', 200, 'A: b\r\n', 200, 'C: d\r\n']
    const text = await exchangeWith(hasty, ...pieces)
    assert.match(text, /^HTTP\/1\.1 408 /)
    assert.match(text, /application\/problem\+json/)
  })

  it('a body that never ends is cut off', async () => {
    const call = head(
      'POST',
      `${BASE}/Projects`,
      authorization,
      'Content-Type: application/json',
      'Content-Length: 900',
    )
    const text = await exchangeWith(hasty, `${call}{`)
    assert.match(text, /^HTTP\/1\.1 408 /)
  })

  it('headers larger than 16 KiB, and what is no HTTP, are refused', async () => {
    assert.match(await exchange(head('GET', '/', `X: ${'y'.repeat(20_000)}`)), /^HTTP\/1\.1 431 /)
    assert.match(await exchange('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 /)
    assert.match(await exchange('GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /)
    assert.match(
      await exchange('GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n'),
      /^HTTP\/1\.1 200 /,
    )
    const empty = `GET ${BASE}/Organization HTTP/1.1\r\nHost: \r\n${authorization}\r\nConnection: close\r\n\r\n`
    assert.match(await exchange(empty), /^HTTP\/1\.1 400 [\s\S]*ERR_HTTP_HEADER/)
  })

  it('two lengths of one body are refused', async () => {
    const smuggled = head(
      'POST',
      `${BASE}/Projects`,
      authorization,
      'Content-Type: application/json',
      'Content-Length: 2',
      'Transfer-Encoding: chunked',
    )
    assert.match(
      await exchange(`${smuggled}0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
    )
    const twice = head(
      'POST',
      `${BASE}/Projects`,
      authorization,
      'Content-Length: 2',
      'Content-Length: 3',
    )
    assert.match(await exchange(`${twice}{}`), /^HTTP\/1\.1 400 /)
  })

  it('a body over the limit is refused, announced or not', async () => {
    const announced = head(
      'POST',
      `${BASE}/Projects`,
      authorization,
      'Content-Type: application/json',
      'Content-Length: 1001',
    )
    assert.match(await exchange(announced), /^HTTP\/1\.1 413 /)
    const chunked = head(
      'POST',
      `${BASE}/Projects`,
      authorization,
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    )
    assert.match(
      await exchange(`${chunked}3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`),
      /^HTTP\/1\.1 413 /,
    )
  })

  it('nobody without a token makes the server read a body', async () => {
    const call = head(
      'POST',
      `${BASE}/Projects`,
      'Content-Type: application/json',
      'Content-Length: 900',
      'Connection: close',
    )
    assert.match(await exchange(call), /^HTTP\/1\.1 401 /)
  })
})
