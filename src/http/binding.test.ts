import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type } from 'typebox'
import type { ChanceryError } from '../errors/chancery-error.ts'
import { Guid } from '../wire/shapes.ts'
import { SignHash } from '../wire/signing-requests.ts'
import { canonicalGuid, jsonBinder, pascalCase, textBinder } from './binding.ts'

const ID = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'
const Sample = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 5 }),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
  isOn: Type.Optional(Type.Boolean()),
  id: Type.Optional(Guid),
  ids: Type.Optional(Type.Array(Guid, { maxItems: 2, uniqueItems: true })),
  kind: Type.Optional(Type.Union([Type.Literal('A'), Type.Literal('B')])),
  note: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  free: Type.Optional(Type.Unknown()),
})

function errorsOf(run: () => unknown): Record<string, readonly string[]> {
  let errors: Record<string, readonly string[]> = {}
  assert.throws(run, (error: ChanceryError) => {
    assert.equal(error.code, 'ERR_HTTP_INVALID')
    errors = Object.fromEntries(error.fieldErrors ?? [])
    return true
  })
  return errors
}

describe('JSON bodies', () => {
  const bind = jsonBinder(Sample)

  it('may write member names in any case', () => {
    assert.deepEqual(bind({ Name: 'a', COUNT: 2, ison: true }), { name: 'a', count: 2, isOn: true })
    const pascal = jsonBinder(SignHash)({
      ProjectSlug: 'p',
      SigningPolicySlug: 's',
      HashSigningData: {
        SignatureAlgorithm: 'Rsa',
        RsaOptions: { PaddingMode: 'Pss' },
        Hash: 'AA==',
        Metadata: { X: 1 },
      },
    })
    assert.deepEqual(pascal.hashSigningData, {
      signatureAlgorithm: 'Rsa',
      rsaOptions: { paddingMode: 'Pss' },
      hash: 'AA==',
      metadata: { X: 1 },
    })
  })

  it('may leave out members or set them to null alike', () => {
    assert.deepEqual(bind({ name: 'a', count: null, id: null }), { name: 'a' })
    assert.deepEqual(bind({ name: 'a', note: null, free: null }), {
      name: 'a',
      note: null,
      free: null,
    })
  })

  it('may write GUIDs in the forms of .NET', () => {
    const upper = ID.toUpperCase()
    for (const form of [ID, upper, `{${upper}}`, `(${ID})`, ID.replaceAll('-', '')]) {
      assert.equal(canonicalGuid(form), ID)
    }
    assert.deepEqual(bind({ name: 'a', ids: [upper] }), { name: 'a', ids: [ID] })
    assert.deepEqual(Object.keys(errorsOf(() => bind({ name: 'a', id: 'x' }))), ['id'])
    assert.deepEqual(
      Object.keys(errorsOf(() => bind({ name: 'a', id: '00000000-0000-0000-0000-000000000000' }))),
      ['id'],
    )
  })

  it('are refused with every wrong member named', () => {
    const errors = errorsOf(() => bind({ count: 10, isOn: 'true', kind: 'C', ids: [ID, ID] }))
    assert.deepEqual(errors, {
      name: ['The Name field is required.'],
      count: ['expected an integer of 1 to 9, found a number'],
      isOn: ['expected a value of type boolean, found a text of 4 characters'],
      ids: ['expected an array of 0 to 2 different items, found an array of 2 items'],
      kind: ['expected A or B, found a text of 1 characters'],
    })
  })

  it('are refused with unknown members and with one member in two spellings', () => {
    assert.deepEqual(Object.keys(errorsOf(() => bind({ name: 'a', nmae: 'b' }))), ['nmae'])
    assert.deepEqual(Object.keys(errorsOf(() => bind({ name: 'a', Name: 'b' }))), ['name'])
    const hostile = Object.defineProperty({ name: 'a' }, '__proto__', {
      value: {},
      enumerable: true,
    })
    assert.deepEqual(Object.keys(errorsOf(() => bind(hostile))), ['__proto__'])
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [`${index}`.padEnd(500, 'x'), 1]),
    )
    const shown = Object.keys(errorsOf(() => bind(many)))
    assert.equal(shown.length, 50)
    assert.ok(shown.every((name) => name.length <= 100))
  })

  it('are refused with too long an array before anything looks at its items', () => {
    const ids = Object.defineProperty([ID, ID, ID], 1, {
      get: () => assert.fail('an item was looked at'),
    })
    assert.deepEqual(
      errorsOf(() => bind({ name: 'a', ids })),
      { ids: ['expected an array of 0 to 2 different items, found an array of 3 items'] },
    )
  })

  it('are not read further than errors are shown', () => {
    const names = Array.from({ length: 60 }, (_, index) => `unknown${index}`)
    const many = Object.fromEntries(names.map((name) => [name, 1]))
    Object.defineProperty(many, 'name', {
      get: () => assert.fail('a member was looked at'),
      enumerable: true,
    })
    assert.equal(Object.keys(errorsOf(() => bind(many))).length, 50)
  })

  it('have a limit for every array', () => {
    const unlimited = Type.Object({ ids: Type.Array(Guid) })
    assert.throws(() => jsonBinder(unlimited), /maxItems/)
  })

  it('are refused when they are no object', () => {
    for (const value of [null, 1, 'text', [], true]) {
      assert.deepEqual(Object.keys(errorsOf(() => bind(value))), [''])
    }
  })

  it('never get their values back in a message', () => {
    const errors = errorsOf(() =>
      bind({ name: 'canary-secret', kind: 'canary-secret', ids: 'canary-secret' }),
    )
    assert.doesNotMatch(JSON.stringify(errors), /canary/)
  })
})

describe('texts of forms and query strings', () => {
  const bind = textBinder(Sample)

  it('become integers and booleans, or are absent when empty', () => {
    assert.deepEqual(bind({ NAME: 'a', count: '3', IsOn: 'True', id: '', kind: '' }), {
      name: 'a',
      count: 3,
      isOn: true,
    })
  })

  it('are refused when they are no integers or booleans', () => {
    for (const text of ['1.5', '0x1', ' 1', '1e0', '99999999999999999999']) {
      assert.deepEqual(Object.keys(errorsOf(() => bind({ name: 'a', count: text }))), ['count'])
    }
    assert.deepEqual(Object.keys(errorsOf(() => bind({ name: 'a', isOn: '1' }))), ['isOn'])
    assert.deepEqual(Object.keys(errorsOf(() => bind({ name: ['a', 'b'] }))), ['name'])
    assert.deepEqual(Object.keys(errorsOf(() => bind({ name: '' }))), ['name'])
  })
})

it('fields are named as SignPath names them', () => {
  assert.equal(pascalCase('hashSigningData.rsaOptions.hash'), 'HashSigningData.RsaOptions.Hash')
  assert.equal(pascalCase(''), '')
})
