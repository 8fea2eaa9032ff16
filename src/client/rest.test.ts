import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { encodeQuery, pathOf, readList, readObject, shape } from './rest.ts'
import type { Answer } from './transport.ts'

const ITEM = shape<{ id: string }>('id')

function answer(text: string, mediaType = 'application/json'): Answer {
  return { status: 200, mediaType, fileName: undefined, bytes: new TextEncoder().encode(text) }
}

describe('REST calls', () => {
  it('keep every path segment in its place', () => {
    assert.equal(pathOf(['Projects', 'a b/c?d#e', 'ä']), '/Projects/a%20b%2Fc%3Fd%23e/%C3%A4')
    for (const segment of ['', '.', '..']) {
      assert.throws(() => pathOf(['Projects', segment]), { code: 'ERR_CLIENT_INVALID' })
    }
  })

  it('leave absent query parameters out', () => {
    assert.equal(encodeQuery({ a: undefined, b: 1, c: 'x&y' }), '?b=1&c=x%26y')
    assert.equal(encodeQuery({ a: undefined }), '')
  })

  it('take the answers they expect', () => {
    assert.deepEqual(readObject(answer('{"id":"1","x":2}'), ITEM), { id: '1', x: 2 })
    assert.deepEqual(readList(answer('{"items":[{"id":"1"}]}'), 'items', ITEM), [{ id: '1' }])
    const problem = 'application/vnd.x+json'
    assert.deepEqual(readObject(answer('{"id":"1"}', problem), ITEM), { id: '1' })
  })

  for (const text of ['', '[]', 'null', '"a"', '{}', '{"id":1', '{"__proto__":{"id":"1"}}']) {
    it(`refuse the answer ${text}`, () => {
      assert.throws(() => readObject(answer(text), ITEM), { code: 'ERR_CLIENT_RESPONSE' })
    })
  }

  it('refuse lists of other things, and other media types', () => {
    for (const text of ['{"items":{}}', '{"items":[{}]}', '{"items":[null]}', '[]']) {
      assert.throws(() => readList(answer(text), 'items', ITEM), { code: 'ERR_CLIENT_RESPONSE' })
    }
    for (const type of ['text/html', '', 'application/jsonx']) {
      assert.throws(() => readObject(answer('{"id":"1"}', type), ITEM), {
        code: 'ERR_CLIENT_RESPONSE',
      })
    }
  })
})
