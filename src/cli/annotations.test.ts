import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAnnotations } from './annotations.ts'

describe('parseAnnotations', () => {
  it('reads pairs, several in one value, and quoted ones with commas', () => {
    assert.deepEqual(parseAnnotations([]), {})
    assert.deepEqual(parseAnnotations(['a=1,b=2', 'c=x=y', 'd=']), {
      a: '1',
      b: '2',
      c: 'x=y',
      d: '',
    })
    assert.deepEqual(parseAnnotations(['"note=a, ""b""",e=1']), { note: 'a, "b"', e: '1' })
  })

  it('refuses anything else', () => {
    for (const input of ['', 'a', '=1', 'a=1,', 'a="b"', '"a=1', '"a=1"b', 'a=1,a=2']) {
      assert.throws(() => parseAnnotations([input]), { code: 'ERR_CLI_USAGE' }, input)
    }
  })
})
