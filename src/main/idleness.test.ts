import assert from 'node:assert/strict'
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { Idleness } from './idleness.ts'

const MEBIBYTE = 1024 * 1024
const PERIOD_MS = 5000
/** Enough for the pause after a rest. */
const PAUSE = 12

/** A server that is watched, the clock in hand: `megabytes` is what the process has, `rests` how often it was told to rest. */
function watched(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const server = createServer()
  const state = { megabytes: 100, rests: 0 }
  const rest = (): void => {
    state.rests += 1
    state.megabytes = 60
  }
  const idleness = new Idleness(server, rest, () => state.megabytes * MEBIBYTE)
  context.after(() => idleness.stop())
  /** @returns Ends the request. */
  const request = (): (() => void) => {
    const message = new IncomingMessage(new Socket())
    const response = new ServerResponse(message)
    server.emit('request', message, response)
    return () => void response.emit('close')
  }
  const pass = (periods: number): void => {
    for (let period = 0; period < periods; period += 1) context.mock.timers.tick(PERIOD_MS)
  }
  return { server, state, request, pass, idleness }
}

describe('an idle server', () => {
  it('rests soon after its start, and once only', (context) => {
    const { state, pass } = watched(context)
    assert.equal(state.rests, 0)
    pass(1)
    assert.equal(state.rests, 1)
    pass(PAUSE)
    state.megabytes = 500
    pass(1000)
    assert.equal(state.rests, 1, 'looked after although nobody asked for anything')
  })

  it('rests again when it has grown since, and not before', (context) => {
    const { state, request, pass } = watched(context)
    pass(1)
    for (const [megabytes, rests] of [
      [60, 1],
      [75, 1],
      [76, 2],
      [75, 2],
      [76, 3],
    ] as const) {
      request()()
      state.megabytes = megabytes
      pass(PAUSE + 1)
      assert.equal(state.rests, rests, `${megabytes} MB`)
    }
  })

  it('rests once a minute at most', (context) => {
    const { state, request, pass } = watched(context)
    pass(1)
    for (let period = 0; period < PAUSE - 1; period += 1) {
      request()()
      state.megabytes = 500
      pass(1)
      assert.equal(state.rests, 1, `after ${period + 1} periods`)
    }
    // What was asked for in the pause was too much for an idle server; the next period is quiet.
    pass(2)
    assert.equal(state.rests, 2)
  })

  it('counts what it gives back after a rest', (context) => {
    const { state, request, pass } = watched(context)
    pass(1)
    state.megabytes = 30
    pass(PAUSE)
    request()()
    state.megabytes = 46
    pass(1)
    assert.equal(state.rests, 2)
  })

  it('does not rest while a request is under way', (context) => {
    const { state, request, pass } = watched(context)
    const ends = [request(), request()] as const
    pass(100)
    ends[0]()
    pass(100)
    assert.equal(state.rests, 0)
    ends[1]()
    pass(1)
    assert.equal(state.rests, 1)
  })

  it('does not rest while many ask, but probes keep it from nothing', (context) => {
    const { state, request, pass } = watched(context)
    const ask = (times: number): void => {
      for (let time = 0; time < times; time += 1) request()()
      pass(1)
    }
    for (let period = 0; period < 50; period += 1) ask(11)
    assert.equal(state.rests, 0)
    ask(10)
    assert.equal(state.rests, 1)
  })

  it('is not watched any more at the end', (context) => {
    const { server, state, request, pass, idleness } = watched(context)
    idleness.stop()
    request()()
    pass(10)
    assert.equal(state.rests, 0)
    assert.equal(server.listenerCount('request'), 0)
  })
})
