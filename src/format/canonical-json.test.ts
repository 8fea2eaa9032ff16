import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { canonicalJson } from './canonical-json.ts'
import { parseJson } from './json.ts'

describe('canonicalJson', () => {
  const folder = new URL('../../test/vectors/rfc8785/', import.meta.url)

  for (const name of readdirSync(folder).filter((file) => file.endsWith('.input.json'))) {
    it(`RFC 8785: ${name}`, () => {
      const input = readFileSync(new URL(name, folder), 'utf8')
      const output = readFileSync(new URL(name.replace('.input.', '.output.'), folder), 'utf8')
      assert.equal(canonicalJson(JSON.parse(input)), output)
    })
  }

  it('RFC 8785: the numbers of appendix B', () => {
    const rows = readFileSync(new URL('numbers.txt', folder), 'utf8').trim().split('\n')
    assert.equal(rows.length, 24)
    for (const row of rows) {
      const [bits, text] = row.split(' ')
      assert.equal(canonicalJson(Buffer.from(bits!, 'hex').readDoubleBE()), text)
    }
  })

  it('has one text for equal values', () => {
    assert.equal(canonicalJson({ b: 1, a: { d: [], c: null } }), '{"a":{"c":null,"d":[]},"b":1}')
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        assert.equal(canonicalJson(value), canonicalJson(reversed))
        assert.deepEqual({ ...(parseJson(canonicalJson(value)) as object) }, { ...value })
      }),
    )
  })

  it('refuses what is no JSON value', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    const values = [
      undefined,
      NaN,
      Infinity,
      1n,
      () => 1,
      Symbol('s'),
      new Date(0),
      new Map(),
      '\ud800',
      { a: undefined },
      [undefined],
      new Array<number>(1),
      { '\udc00': 1 },
      cycle,
    ]
    for (const value of values) {
      assert.throws(() => canonicalJson(value), { code: 'ERR_FORMAT_JSON' })
    }
  })
})
