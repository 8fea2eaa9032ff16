import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import {
  HttpTransport,
  type Exchange,
  type ExchangeTimeouts,
} from '../../src/registry/http-transport.ts'
import { until } from '../support/until.ts'
import { UNHURRIED } from './unhurried.ts'

const OK = 'HTTP/1.1 200 OK\r\n'

/** A server below HTTP, which does with each connection what it is told. */
async function startSocketServer(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Sends one request to such a server, with one of the timeouts cut short. */
async function exchange(
  onConnection: (socket: Socket) => void,
  timeouts: Partial<ExchangeTimeouts>,
  request: Partial<Exchange> = {},
  scheme = 'http',
) {
  await using server = await startSocketServer(onConnection)
  using transport = new HttpTransport({ timeouts: { ...UNHURRIED, ...timeouts } })
  const url = new URL(`${scheme}://${server.host}/v2/`)
  return await transport.send({ method: 'GET', url, headers: {}, maxBodyBytes: 1_000, ...request })
}

/** Answers each request once its head is there. */
function answering(text: string) {
  return (socket: Socket): void => {
    socket.once('data', () => socket.write(text))
  }
}

function unavailable(message: RegExp) {
  return { code: 'ERR_REGISTRY_UNAVAILABLE', message }
}

describe('a server', () => {
  it('that never ends the handshake of TLS is given up as one that takes no connection', async () => {
    const silent = (socket: Socket): unknown => socket.resume()
    await assert.rejects(
      exchange(silent, { connectMs: 200 }, {}, 'https'),
      unavailable(/did not accept a connection within 0.2 s/),
    )
  })

  it('that sends the head of an answer and no body is given up', async () => {
    await assert.rejects(
      exchange(answering(`${OK}content-length: 5\r\n\r\n`), { idleMs: 200 }),
      unavailable(/stopped sending within 0.2 s/),
    )
  })

  it('that announces too much is not waited for', async () => {
    const tooLarge = answering(`${OK}content-length: 1001\r\n\r\n`)
    await assert.rejects(exchange(tooLarge, {}), { code: 'ERR_REGISTRY_TOO_LARGE' })
    // An answer to HEAD says how much there would be.
    assert.equal((await exchange(tooLarge, {}, { method: 'HEAD' })).status, 200)
    const most = `${OK}content-length: 1000\r\n\r\n${'x'.repeat(1000)}`
    assert.equal((await exchange(answering(most), {})).body.length, 1000)
  })

  it('whose headers do not end is given up after 32 KiB', async () => {
    const line = `x-more: ${'x'.repeat(1_000)}\r\n`
    const of = (lines: number) => answering(`${OK}content-length: 0\r\n${line.repeat(lines)}\r\n`)
    assert.equal((await exchange(of(30), {})).status, 200)
    await assert.rejects(exchange(of(33), {}), { code: 'ERR_REGISTRY_BAD_ANSWER' })
    const endless = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write(OK)
        const pour = (): void => {
          while (!socket.destroyed && socket.write(line));
          if (!socket.destroyed) socket.once('drain', pour)
        }
        pour()
      })
    }
    await assert.rejects(exchange(endless, {}), { code: 'ERR_REGISTRY_BAD_ANSWER' })
  })
})

describe('an upload', () => {
  const CHUNK = new Uint8Array(64 * 1024)

  /** A body of 64 MiB that counts what is taken of it. */
  function countedBody() {
    const taken = { chunks: 0, isClosed: false }
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        for (; taken.chunks < 1024; taken.chunks++) yield await Promise.resolve(CHUNK)
      } finally {
        taken.isClosed = true
      }
    }
    return { taken, body: { length: 1024 * CHUNK.length, chunks: chunks() } }
  }

  async function* pieces(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; left -= CHUNK.length) {
      yield await Promise.resolve(CHUNK.subarray(0, left))
    }
  }

  const closed = (taken: { readonly isClosed: boolean }): Promise<void> =>
    until('the source is closed', () => taken.isClosed)

  it('that is not read any further is given up, and so is what it is read from', async () => {
    const { body, taken } = countedBody()
    const stuck = (socket: Socket): unknown => socket.pause()
    await assert.rejects(
      exchange(stuck, { idleMs: 200 }, { method: 'PUT', body }),
      unavailable(/stopped sending within 0.2 s/),
    )
    await closed(taken)
    assert.ok(taken.chunks < 1024)
  })

  it('that is broken off is read no further', async () => {
    const { body, taken } = countedBody()
    const broken = (socket: Socket): void => {
      socket.once('data', () => socket.destroy())
    }
    await assert.rejects(
      exchange(broken, {}, { method: 'PUT', body }),
      unavailable(/cannot be reached/),
    )
    await closed(taken)
    assert.ok(taken.chunks < 1024)
  })

  it('that was read to its end, and is not answered, is given up, however short', async () => {
    const silent = (socket: Socket): unknown => socket.resume()
    for (const length of [1, CHUNK.length, 64 * CHUNK.length]) {
      const body = { length, chunks: pieces(length) }
      await assert.rejects(
        exchange(silent, { answerMs: 200 }, { method: 'PUT', body }),
        unavailable(/did not answer within 0.2 s/),
      )
    }
  })

  it('takes as long as its source does', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const arrivals = Array.from({ length: 4 }, () => Promise.withResolvers<undefined>())
    const slow = (async function* () {
      for (const arrival of arrivals) {
        yield Uint8Array.of(1)
        await arrival.promise
        mock.timers.tick(5_000)
      }
    })()
    const answered = exchange(
      (socket) => {
        let text = ''
        socket.on('data', (data: Uint8Array) => {
          text += Buffer.from(data).toString('latin1')
          const count = /\u0001*$/.exec(text)![0].length
          for (const { resolve } of arrivals.slice(0, count)) resolve(undefined)
          if (count === 4) socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n')
        })
      },
      { connectMs: 1_000, answerMs: 1_000, idleMs: 1_000 },
      { method: 'PUT', body: { length: 4, chunks: slow } },
    )
    assert.equal((await answered).status, 201)
  })
})
