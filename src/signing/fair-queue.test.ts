import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairQueue } from './fair-queue.ts'

describe('a fair queue', () => {
  it('serves every party in turn, and each in its own order', () => {
    const queue = new FairQueue<string>()
    for (const item of ['a1', 'a2', 'a3', 'a4']) queue.add('a', item)
    queue.add('b', 'b1')
    assert.deepEqual([queue.take(), queue.take()], ['a1', 'b1'])
    queue.add('c', 'c1')
    queue.add('b', 'b2')
    assert.deepEqual(queue.of('a'), ['a2', 'a3', 'a4'])
    const rest = Array.from({ length: 6 }, () => queue.take())
    assert.deepEqual(rest, ['a2', 'c1', 'b2', 'a3', 'a4', undefined])
    assert.deepEqual(queue.of('a'), [])
  })
})
