import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProtoJsonObject } from './proto-json.ts'

const CODE = 'ERR_FORMAT_BUNDLE'
const NAMES = ['it', 'other']

/** An object at the place `a.b` whose only member is this one. */
function holding(value: unknown): ProtoJsonObject {
  return new ProtoJsonObject({ it: value }, 'a.b', CODE, NAMES)
}

/** That each of these values of the member is refused, with its place in the message and as the field. */
function refuses(
  values: readonly unknown[],
  read: (object: ProtoJsonObject) => unknown,
  expected: string,
): void {
  for (const value of values) {
    assert.throws(
      () => read(holding(value)),
      { code: CODE, message: `expected ${expected} at a.b.it`, field: 'a.b.it' },
      JSON.stringify(value),
    )
  }
}

describe('an object of a protobuf document', () => {
  it('is an object, and has no members but those that are declared', () => {
    for (const value of [undefined, null, 7, 'x', [], [{}]]) {
      assert.throws(() => new ProtoJsonObject(value, '$', CODE, NAMES), {
        code: CODE,
        message: 'expected an object',
        field: undefined,
      })
    }
    const message = 'expected no members but "it", "other" at a'
    assert.throws(() => new ProtoJsonObject({ it: 1, more: null }, 'a', CODE, NAMES), {
      code: CODE,
      message,
      field: 'a',
    })
  })

  it('names a member of the document by its name alone', () => {
    const document = new ProtoJsonObject({}, '$', CODE, NAMES)
    assert.throws(() => document.text('it'), { field: 'it', message: / at it$/ })
    assert.throws(() => document.oneOf('it', 'other'), {
      field: undefined,
      message: 'expected exactly one of "it", "other"',
    })
  })

  it('has what is neither null nor empty, and nothing that every object has', () => {
    for (const value of [undefined, null, '', []]) assert.equal(holding(value).has('it'), false)
    for (const value of ['x', 0, false, {}, { length: 0 }, [''], [null]]) {
      assert.equal(holding(value).has('it'), true, JSON.stringify(value))
    }
    for (const name of ['constructor', 'toString', '__proto__']) {
      assert.equal(holding(1).has(name), false)
      assert.equal(holding(1).integerOrZero(name), 0)
    }
  })

  it('has exactly one of the members of a choice, even an empty one', () => {
    for (const value of ['', [], {}, 0]) assert.equal(holding(value).oneOf('it', 'other'), 'it')
    for (const members of [{}, { it: null }, { it: 1, other: 1 }]) {
      assert.throws(() => new ProtoJsonObject(members, 'a', CODE, NAMES).oneOf('it', 'other'), {
        code: CODE,
        message: 'expected exactly one of "it", "other" at a',
      })
    }
  })
})

describe('a member of a protobuf document', () => {
  it('is a text that is not empty and not too long', () => {
    const longest = 'x'.repeat(1024)
    for (const text of ['x', longest]) {
      assert.equal(holding(text).text('it'), text)
      assert.equal(holding(text).optionalText('it'), text)
    }
    const wrong = [7, true, {}, `${longest}x`]
    const expected = 'a text of 1 to 1024 characters'
    refuses([...wrong, '', null, undefined, []], (object) => object.text('it'), expected)
    refuses(wrong, (object) => object.optionalText('it'), expected)
    for (const value of ['', null, undefined, []]) {
      assert.equal(holding(value).optionalText('it'), undefined)
    }
    refuses(['xxx'], (object) => object.text('it', 2), 'a text of 1 to 2 characters')
    refuses(['xxx'], (object) => object.optionalText('it', 2), 'a text of 1 to 2 characters')
  })

  it('is a number of 64 bits as a text, or absent', () => {
    for (const [text, number] of [
      ['0', 0],
      ['10', 10],
      ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ] as const) {
      assert.equal(holding(text).integer('it'), number)
      assert.equal(holding(text).integerOrZero('it'), number)
    }
    const wrong = [0, 1, '', '-0', '-1', '01', '+1', ' 1', '1 ', '1.0', '1e3', '0x1', '1\n', [], {}]
    const expected = 'an integer from 0 to 2^53 - 1 as a text'
    const all = [...wrong, '9007199254740992', '99999999999999999', Infinity, NaN]
    refuses(all, (object) => object.integerOrZero('it'), expected)
    refuses([...all, null, undefined], (object) => object.integer('it'), expected)
    for (const value of [null, undefined]) assert.equal(holding(value).integerOrZero('it'), 0)
  })

  it('is a time that exists, in Z, and nothing beside it', () => {
    const time = (text: string) => holding(text).time('it').toISOString()
    assert.equal(time('2026-12-31T23:59:59Z'), '2026-12-31T23:59:59.000Z')
    assert.equal(time('2024-02-29T00:00:00.1Z'), '2024-02-29T00:00:00.100Z')
    assert.equal(time('2026-12-31T23:59:59.123999999Z'), '2026-12-31T23:59:59.123Z')
    refuses(
      [
        'x2026-12-31T23:59:59Z',
        '2026-12-31T23:59:59Zx',
        '2026-12-31T23:59:59Z\n',
        '12026-12-31T23:59:59Z',
        '2026-12-31T23:59:59',
        '2026-12-31T23:59:59+00:00',
        '2026-12-31T23:59:59.Z',
        '2026-12-31T23:59:59.1234567890Z',
        '2026-12-31 23:59:59Z',
        '2026-02-29T00:00:00Z',
        '2026-13-01T00:00:00Z',
        '2026-01-32T00:00:00Z',
        '2026-01-01T24:00:00Z',
        '2026-01-01T00:60:00Z',
      ],
      (object) => object.time('it'),
      'a time such as 2026-12-31T23:59:59Z',
    )
  })

  it('is bytes of strict base64, at least one and not too many', () => {
    const bytes = (value: unknown) => holding(value).bytes('it', 3)
    assert.deepEqual(bytes('AQID'), Uint8Array.of(1, 2, 3))
    assert.deepEqual(holding(['AQ==', 'AQID']).bytesList('it', 2, 3).length, 2)
    assert.deepEqual(holding(undefined).bytesList('it', 2, 3), [])
    refuses(
      ['', null, undefined, 7, [], 'AQIDBA=='],
      (object) => object.bytes('it', 3),
      '1 to 3 bytes in base64',
    )
    refuses(
      ['AQI', 'AQJ=', 'AQ=', 'A Q==', 'AQ==\n', '_-8='],
      (object) => object.bytes('it', 6),
      'standard base64, padded',
    )
    for (const [list, message] of [
      ['AQID', 'expected a list of at most 2 at a.b.it'],
      [{}, 'expected a list of at most 2 at a.b.it'],
      [['AQID', 'AQID', 'AQID'], 'expected a list of at most 2 at a.b.it'],
      [['AQID', ''], 'expected 1 to 3 bytes in base64 at a.b.it[1]'],
      [['AQID', 'AQIDBA=='], 'expected 1 to 3 bytes in base64 at a.b.it[1]'],
    ] as const) {
      assert.throws(() => holding(list).bytesList('it', 2, 3), { code: CODE, message })
    }
  })

  it('is an object, of declared members or of any', () => {
    assert.equal(holding({ text: 'x' }).object('it', 'text').text('text'), 'x')
    assert.deepEqual(holding({ any: 1 }).openObject('it'), { any: 1 })
    for (const value of [null, undefined]) {
      assert.equal(holding(value).optionalObject('it', 'text'), undefined)
      assert.equal(holding(value).openObject('it'), undefined)
    }
    const none = [7, true, '', 'x', [], [{}]]
    refuses([...none, null, undefined], (object) => object.object('it', 'text'), 'an object')
    refuses(none, (object) => object.optionalObject('it', 'text'), 'an object')
    refuses(none, (object) => object.openObject('it'), 'an object')
    const members = 'no members but "text"'
    refuses([{ other: 1 }], (object) => object.optionalObject('it', 'text'), members)
  })

  it('is a list of objects, and not too long', () => {
    assert.equal(
      holding([{ text: 'x' }, {}])
        .objects('it', 2, 'text')[0]
        ?.text('text'),
      'x',
    )
    for (const value of [null, undefined, []]) {
      assert.deepEqual(holding(value).objects('it', 2, 'text'), [])
    }
    refuses(
      [7, '', 'x', {}, [{}, {}, {}]],
      (object) => object.objects('it', 2),
      'a list of at most 2',
    )
    for (const inner of [null, 7, [], { other: 1 }]) {
      assert.throws(() => holding([{}, inner]).objects('it', 2, 'text'), {
        code: CODE,
        field: 'a.b.it[1]',
      })
    }
    assert.throws(
      () =>
        holding([{ text: 7 }])
          .objects('it', 2, 'text')[0]
          ?.text('text'),
      {
        field: 'a.b.it[0].text',
      },
    )
  })
})
