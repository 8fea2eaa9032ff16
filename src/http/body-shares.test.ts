import assert from 'node:assert/strict'
import { ServerResponse, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { BodyBudget } from './body-budget.ts'

const LARGEST = 100_000
const EIGHT = 8 * LARGEST

/** A budget of eight largest bodies, on a clock that stands still. */
function budgetOfEight() {
  const clock = { now: 0 }
  const budget = new BodyBudget(EIGHT, LARGEST, () => clock.now)
  /** Starts a body of the organization; what is returned ends it. */
  const send = (organization: string, bytes = LARGEST): (() => void) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    budget.reserve(organization, { 'content-length': String(bytes) }, LARGEST, response)
    return () => void response.emit('close')
  }
  const refuses = (organization: string, bytes?: number): void => {
    assert.throws(() => send(organization, bytes), { code: 'ERR_HTTP_BUSY' })
  }
  return { clock, send, refuses }
}

describe('an organization that sends large bodies', () => {
  it('leaves an organization alone all but one', () => {
    const { send, refuses } = budgetOfEight()
    for (let n = 0; n < 7; n += 1) send('a')
    refuses('a')
    send('a', 1000)
  })

  it('has room for another organization, however much one of them sends', () => {
    const { send, refuses } = budgetOfEight()
    for (let n = 0; n < 7; n += 1) send('a')
    send('b')
    refuses('c')
  })

  it('gives nobody more than a share while others wait', () => {
    const { send, refuses } = budgetOfEight()
    const bodiesOfA = Array.from({ length: 7 }, () => send('a'))
    send('b')
    refuses('b')
    // What the one ends is the other's, as far as room is left for a third.
    for (const end of bodiesOfA.splice(0, 3)) {
      end()
      refuses('a')
    }
    for (let n = 0; n < 2; n += 1) send('b')
    refuses('b')
    send('c')
  })

  it('remembers for a while who was refused', () => {
    const { clock, send, refuses } = budgetOfEight()
    const bodiesOfA = Array.from({ length: 7 }, () => send('a'))
    const end = send('b')
    refuses('b')
    end()
    bodiesOfA.pop()?.()
    refuses('a')
    clock.now = 31_000
    send('a')
  })
})
