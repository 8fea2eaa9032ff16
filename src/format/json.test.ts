import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseJson } from './json.ts'

const BACKSLASH_U = '\\u'

function refuses(text: string | Uint8Array, message: RegExp, limits = {}) {
  assert.throws(() => parseJson(text, limits), { code: 'ERR_FORMAT_JSON', message })
}

describe('parseJson', () => {
  it('reads every kind of value', () => {
    assert.deepEqual(parseJson(' {"a":[1,-2.5e3,true,false,null,"x"],"b":{}} \r\n\t'), {
      a: [1, -2500, true, false, null, 'x'],
      b: {},
    })
    assert.equal(parseJson('0'), 0)
    assert.deepEqual(parseJson('[]'), [])
    assert.equal(parseJson(new TextEncoder().encode('"ü€😀"')), 'ü€😀')
  })

  it('reads every escape', () => {
    assert.equal(
      parseJson(String.raw`"a\"\\\/\b\f\n\r\tz\u00e9\uD83D\ude00!"`),
      'a"\\/\b\f\n\r\tzé😀!',
    )
    assert.equal(
      parseJson(String.raw`"\n \uABCD\uabcd\uD7FF\uE000\uffff"`),
      '\n \uabcd\uabcd\ud7ff\ue000\uffff',
    )
    assert.equal(parseJson(String.raw`"\ud800\udc00\udbff\udfff"`), '\u{10000}\u{10ffff}')
  })

  it('agrees with JSON.parse on whatever JSON.stringify prints', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        const safe =
          !/[0-9]{16}|e\+/.test(text) && text.isWellFormed() && !/\\ud[89a-f]/i.test(text)
        if (safe) assert.deepEqual(parseJson(text), JSON.parse(text))
      }),
    )
  })

  it('refuses whatever JSON.parse refuses', () => {
    const characters = fc.constantFrom(...Array.from('{}[]",:\\u0019.eE+-truefalsn \n\u0007'))
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        let expected: unknown
        try {
          expected = JSON.parse(text)
        } catch {
          assert.throws(() => parseJson(text), { code: 'ERR_FORMAT_JSON' })
          return
        }
        try {
          assert.deepEqual(parseJson(text), expected)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_FORMAT_JSON')
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses text that is no JSON, and says where', () => {
    refuses('', /^1:1: expected a JSON value, found the end$/)
    refuses('{"a":1,\n  b:2}', /^2:3: expected a member name in double quotes, found a letter$/)
    refuses('{"a" 1}', /^1:6: expected ":" after a member name, found a digit$/)
    refuses('{"a":1', /"," or "}" after a member, found the end/)
    refuses('{"a":1,}', /a member name in double quotes, found '}'/)
    refuses('[1,]', /a JSON value, found ']'/)
    refuses('[1 2]', /"," or "\]" after an element/)
    refuses('nul', /a JSON value/)
    refuses('{} {}', /nothing after the JSON value, found '{'/)
    refuses('"a', /closing quote/)
    refuses('"a\nb"', /^1:3: expected no control character in a string, found a control character$/)
    refuses('"\\n\n"', /closing quote of a string, found a control character/)
    refuses('"\\x"', /an escape that JSON knows/)
    refuses('"\\ "', /an escape that JSON knows, found ' '/)
    refuses('\x7f', /a JSON value, found a control character/)
    refuses('-', /^1:2: expected a digit, found the end$/)
    refuses('"\\u0g00"', /^1:5: expected four hexadecimal digits after "\\u", found a letter$/)
    refuses('"\\u0`00"', /four hexadecimal digits/)
    refuses('"\\', /an escape that JSON knows, found the end/)
    refuses('"\\u12', /four hexadecimal digits/)
    refuses("{'a':1}", /member name/)
    refuses('\u00a01', /a JSON value, found a character beyond ASCII/)
    for (const text of [
      '01',
      '-',
      '+1',
      '.5',
      '1.',
      '1e',
      '1e+',
      '0x10',
      'NaN',
      'Infinity',
      '--1',
    ]) {
      refuses(text, /expected/)
    }
  })

  it('refuses a byte order mark', () => {
    refuses('\ufeff{}', /^1:1: expected JSON, found a byte order mark$/)
    refuses(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d), /byte order mark/)
  })

  it('refuses bytes that are not UTF-8, and UTF-16', () => {
    refuses(Uint8Array.of(0x22, 0xff, 0x22), /UTF-8/)
    refuses(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), /UTF-8/)
    refuses(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), /UTF-8/)
    refuses(new Uint8Array(Buffer.from('{"a":1}', 'utf16le')), /expected/)
    refuses('"\ud800"', /UTF-8/)
  })

  it('refuses escaped lone surrogates', () => {
    for (const escaped of [
      'd800',
      'dc00',
      'd800\\ud800',
      'd800\\u0041',
      'd800x',
      'dfff\\ud800',
      'dfff',
      'dc00\\udc00',
      'd800\\ue000',
    ]) {
      refuses(`"${BACKSLASH_U}${escaped}"`, /lone surrogate/)
    }
  })

  it('refuses duplicate members, also when one of them is escaped', () => {
    refuses('{"type":1,"type":1}', /^1:11: expected each member once, found a second "type"$/)
    refuses(`{"a":1,"${BACKSLASH_U}0061":2}`, /found a second "a"/)
    refuses('{"x":{"b":1,"b":2}}', /found a second "b"/)
    refuses('{"__proto__":1,"__proto__":2}', /found a second "__proto__"/)
    refuses('{"a b <":1,"a b <":2}', /found a second$/)
    refuses('{"<a":1,"<a":2}', /found a second$/)
    refuses('{"a<":1,"a<":2}', /found a second$/)
    assert.deepEqual(parseJson('{"a":{"a":1},"A":2}'), { a: { a: 1 }, A: 2 })
  })

  it('makes members named like those of Object.prototype own properties', () => {
    const value = parseJson(
      '{"__proto__":{"polluted":true},"toString":1,"constructor":2}',
    ) as object
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.deepEqual(Object.keys(value), ['__proto__', 'toString', 'constructor'])
    assert.deepEqual(Object.getOwnPropertyDescriptor(value, '__proto__'), {
      value: { polluted: true },
      enumerable: true,
      configurable: true,
      writable: true,
    })
    assert.equal('polluted' in value, false)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  it('refuses numbers that JavaScript would change', () => {
    assert.equal(parseJson('9007199254740991'), 9007199254740991)
    assert.equal(parseJson('-9007199254740991'), -9007199254740991)
    for (const text of [
      '9007199254740992',
      '-9007199254740993',
      '1e16',
      '1e999',
      '9007199254740993.0',
    ]) {
      refuses(text, /below 2\^53/)
    }
    assert.equal(parseJson('0.1'), 0.1)
    assert.deepEqual(parseJson('[1e+2,1E2,1e-2]'), [100, 100, 0.01])
    assert.ok(Object.is(parseJson('-0'), -0))
  })

  it('keeps its limits', () => {
    assert.ok(parseJson('['.repeat(64) + ']'.repeat(64)))
    refuses('['.repeat(65) + ']'.repeat(65), /^1:65: expected at most 64 levels of nesting$/)
    refuses('['.repeat(5_000_000), /at most 64 levels/)
    refuses('{"a":'.repeat(9_000), /at most 1000 levels/, { maxDepth: 1e9 })
    assert.deepEqual(parseJson('[[],[],[]]', { maxDepth: 2 }), [[], [], []])
    refuses('"abcd"', /at most 5 bytes/, { maxBytes: 5 })
    refuses('"é"', /at most 3 bytes/, { maxBytes: 3 })
    assert.equal(parseJson('"é"', { maxBytes: 4 }), 'é')
    assert.equal(parseJson(new TextEncoder().encode('"é"'), { maxBytes: 4 }), 'é')
    refuses(new Uint8Array(10 * 1024 * 1024 + 1), /at most 10485760 bytes/)
    refuses('[{"a":1},{"b":1},{"c":1}]', /fewer members/, { maxKeys: 2 })
    const members = (count: number): string =>
      `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join(',')}}`
    assert.equal(Object.keys(parseJson(members(100_000)) as object).length, 100_000)
    refuses(members(100_001), /fewer members in the document/)
    assert.deepEqual(parseJson('[[1],[]]', { maxElements: 3 }), [[1], []])
    refuses('[[1],[2]]', /^1:7: expected fewer array elements/, { maxElements: 3 })
  })

  it('reads 10 MB in linear time', () => {
    const text = `["${'a\\n'.repeat(3_000_000)}"]`
    assert.equal((parseJson(text) as string[])[0]?.length, 6_000_000)
  })
})
