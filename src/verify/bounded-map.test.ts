import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BoundedMap } from './bounded-map.ts'

describe('BoundedMap', () => {
  it('forgets what was added first, and nothing when a value changes', () => {
    const map = new BoundedMap<string, number>(2)
    map.set('a', 1).set('b', 2).set('a', 3)
    assert.deepEqual(
      [...map],
      [
        ['a', 3],
        ['b', 2],
      ],
    )
    map.set('c', 4)
    assert.deepEqual(
      [...map],
      [
        ['b', 2],
        ['c', 4],
      ],
    )
  })

  it('goes on after any deletions, and never grows', () => {
    const map = new BoundedMap<number, number>(100)
    const model: number[] = []
    for (let i = 0; i < 5000; i++) {
      const key = (i * 7919) % 301
      if (i % 5 === 0) {
        map.delete(key)
        if (model.includes(key)) model.splice(model.indexOf(key), 1)
      } else {
        map.set(key, i)
        if (!model.includes(key)) model.push(key)
        if (model.length > 100) model.shift()
      }
      if (i % 1777 === 0) {
        map.clear()
        model.length = 0
      }
      assert.deepEqual([...map.keys()], model, String(i))
    }
  })
})
