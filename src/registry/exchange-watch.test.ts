import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { ExchangeWatch } from './exchange-watch.ts'
import type { Exchange } from './http-transport.ts'

const TIMEOUTS = { connectMs: 100, answerMs: 200, idleMs: 300, totalMs: 1_000 }
const GET: Exchange = {
  method: 'GET',
  url: new URL('https://registry.acme.test/v2/'),
  headers: {},
  maxBodyBytes: 1_600_000,
}

/** A watch over an exchange, and the messages of its failures. */
function watch(exchange: Partial<Exchange> = {}) {
  const failures: string[] = []
  const given = { ...GET, ...exchange }
  const watched = new ExchangeWatch(given, TIMEOUTS, undefined, ({ code, message }) =>
    failures.push(`${code} ${message.replace('registry.acme.test ', '')}`),
  )
  return { watched, failures }
}

describe('an exchange', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  for (const [phase, timeoutMs, message] of [
    ['connect', 100, 'did not accept a connection within 0.1 s'],
    ['answer', 200, 'did not answer within 0.2 s'],
    ['idle', 300, 'stopped sending within 0.3 s'],
  ] as const) {
    it(`waits ${timeoutMs} ms in the phase "${phase}", anew each time`, () => {
      const { watched, failures } = watch()
      for (let turn = 0; turn < 3; turn++) {
        watched.expect(phase)
        mock.timers.tick(timeoutMs - 1)
      }
      assert.deepEqual(failures, [])
      mock.timers.tick(1)
      assert.deepEqual(failures, [`ERR_REGISTRY_UNAVAILABLE ${message}`])
    })
  }

  it('waits for a connection from its beginning, and not at all while it rests', () => {
    const { watched, failures } = watch()
    mock.timers.tick(99)
    watched.rest()
    mock.timers.tick(900)
    assert.deepEqual(failures, [])
    const other = watch()
    mock.timers.tick(100)
    assert.equal(other.failures.length, 1)
  })

  it('ends after the total time, whatever goes on', () => {
    const { watched, failures } = watch()
    for (let ms = 0; ms < 1_000; ms += 50) {
      watched.expect('idle')
      assert.deepEqual(failures, [])
      mock.timers.tick(50)
    }
    assert.deepEqual(failures, ['ERR_REGISTRY_UNAVAILABLE did not finish its answer within 1 s'])
  })

  it('has more time where a body is streamed, by its length', () => {
    const chunks = Readable.from([])
    for (const exchange of [{ isStreamed: true }, { body: { length: 1_600_000, chunks } }]) {
      const { watched, failures } = watch(exchange)
      watched.rest()
      mock.timers.tick(100_999)
      assert.deepEqual(failures, [])
      mock.timers.tick(1)
      assert.equal(failures.length, 1)
    }
  })

  it('waits no longer than it may', () => {
    const { watched, failures } = watch({ maxWaitMs: 20 })
    watched.expect('idle')
    mock.timers.tick(20)
    assert.deepEqual(failures, ['ERR_REGISTRY_UNAVAILABLE stopped sending within 0 s'])
  })

  it('is given up when the signal fires, also one that fired before', () => {
    const abort = new AbortController()
    const running = watch({ signal: abort.signal })
    assert.deepEqual(running.failures, [])
    abort.abort()
    const late = watch({ signal: abort.signal })
    for (const { failures, watched } of [running, late]) {
      assert.equal(failures.length, 1)
      assert.match(failures[0] ?? '', /given up/)
      assert.match(watched.failure?.message ?? '', /given up/)
    }
  })

  it('fails once, and not after its end', () => {
    const abort = new AbortController()
    const failed = watch({ signal: abort.signal })
    mock.timers.tick(100)
    failed.watched.expect('answer')
    const finished = watch({ signal: abort.signal })
    finished.watched.finish()
    finished.watched.expect('idle')
    abort.abort()
    mock.timers.tick(10_000)
    assert.equal(failed.failures.length, 1)
    assert.deepEqual(finished.failures, [])
    assert.equal(finished.watched.failure, undefined)
  })
})
