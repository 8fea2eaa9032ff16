import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { BodyBudget } from './body-budget.ts'

const KIB = 1024
const LIMIT = 300 * KIB

/** A budget of 600 KiB, asked for one body after the other, each of another organization. */
function budget() {
  const of = new BodyBudget(600 * KIB, LIMIT)
  let organizations = 0
  /** Reserves, and gives what ends the connection. */
  return (headers: IncomingHttpHeaders): (() => void) => {
    const response = new EventEmitter()
    of.reserve(`${(organizations += 1)}`, headers, LIMIT, response as unknown as ServerResponse)
    return () => response.emit('close')
  }
}

const length = (bytes: number): IncomingHttpHeaders => ({ 'content-length': `${bytes}` })
const CHUNKED: IncomingHttpHeaders = { 'transfer-encoding': 'chunked' }
const BUSY = {
  code: 'ERR_HTTP_BUSY',
  message: 'expected fewer large bodies at the same time; this one was not read',
  hints: ['send it again in some seconds'],
}

describe('the budget of large bodies', () => {
  it('is used up to its last byte, and given back with the connection', () => {
    const reserve = budget()
    const close = reserve(length(LIMIT))
    reserve(length(LIMIT))
    assert.throws(() => reserve(length(64 * KIB + 1)), BUSY)
    close()
    reserve(length(LIMIT - 65 * KIB))
    reserve(length(65 * KIB))
    assert.throws(() => reserve(length(64 * KIB + 1)), BUSY)
  })

  it('counts a body of no stated length, or of more than is read, as the most that is read', () => {
    const reserve = budget()
    reserve(CHUNKED)
    reserve(length(LIMIT * 1000))
    assert.throws(() => reserve(CHUNKED), BUSY)
  })

  it('has nothing to do with small bodies, and with none', () => {
    const reserve = budget()
    reserve(CHUNKED)
    for (let n = 0; n < 100; n++) reserve(length(64 * KIB))
    for (let n = 0; n < 100; n++) reserve({})
    reserve(CHUNKED)
    reserve(length(64 * KIB))
    assert.throws(() => reserve(CHUNKED), BUSY)
  })
})
