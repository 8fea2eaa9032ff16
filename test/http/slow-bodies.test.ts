import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createApp, type AppOptions } from '../../src/http/app.ts'
import type { Services } from '../../src/http/services.ts'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { until } from '../support/until.ts'
import { BEARER, ORGANIZATION, servicesOf, SUBMITTED } from './services.ts'

const SUBMIT = `/Api/v1/${ORGANIZATION}/SigningRequests/SubmitWithPayload`

describe('a body on its way', () => {
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
  })

  /** A server, and a promise of its first request, whose head it has. */
  async function serve(services: Services, options: AppOptions = {}) {
    const app = createApp(services, options)
    await app.listen({ port: 0, host: '127.0.0.1' })
    open.push({ [Symbol.asyncDispose]: () => app.close() })
    const { port } = app.server.address() as AddressInfo
    return { port, begun: once(app.server, 'request') }
  }

  /** Sends the head of a POST, and what is given of its body. */
  function post(port: number, path: string, length: number, body = ''): Socket {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    open.push({ [Symbol.asyncDispose]: async () => void socket.destroy() })
    socket.setEncoding('latin1')
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${BEARER}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`,
    )
    return socket
  }

  const statusOf = (socket: Socket): Promise<string> =>
    new Promise((resolve) => socket.once('data', (text: string) => resolve(text.slice(9, 12))))

  const services = () => servicesOf({ signing: { submitWithArtifact: async () => SUBMITTED } })

  it('is not waited for where there is no such route or method', { timeout: 120_000 }, async () => {
    const { port } = await serve(services())
    assert.equal(await statusOf(post(port, '/nothing', 1_000_000)), '404')
    assert.equal(await statusOf(post(port, '/healthz', 1_000_000)), '405')
  })

  it('is refused while others take all the memory there is for large ones', async () => {
    const limits = { maxBodyBytes: 200_000, maxBodiesBytes: 250_000 }
    const { port, begun } = await serve(services(), limits)
    const first = post(port, SUBMIT, 200_000, '{')
    await begun
    assert.equal(await statusOf(post(port, SUBMIT, 100_000, '{')), '503')
    assert.equal(await statusOf(post(port, SUBMIT, 2, '{}')), '400')
    first.destroy()
    await until('its end is noticed', async () => {
      const status = await statusOf(post(port, SUBMIT, 100_000, 'x'.repeat(100_000)))
      assert.match(status, /^(400|503)$/)
      return status === '400'
    })
  })

  it('is not read where only fields or a document are expected, and it is larger than those', async () => {
    const { port } = await serve(services())
    const resubmit = `/Api/v1/${ORGANIZATION}/SigningRequests/Resubmit`
    assert.equal(await statusOf(post(port, resubmit, 256 * 1024 + 1)), '413')
    assert.equal(await statusOf(post(port, SUBMIT, 2 * 1024 * 1024 + 1)), '413')
  })

  it('is worth nothing once its token is revoked', async () => {
    const known = services()
    let isRevoked = false
    const { port, begun } = await serve({
      ...known,
      authenticate: (header) => {
        if (isRevoked) throw new ChanceryError('ERR_IDENTITY_UNAUTHENTICATED', 'revoked')
        return known.authenticate(header)
      },
    })
    const body = JSON.stringify({ projectSlug: 'p', signingPolicySlug: 's', payload: 'AA==' })
    const slow = post(port, SUBMIT, body.length, body.slice(0, 10))
    await begun
    isRevoked = true
    const answered = statusOf(slow)
    slow.write(body.slice(10))
    assert.equal(await answered, '401')
  })
})
