import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatUuidV7, isGuid, NIL_GUID, parseGuid } from './guid.ts'

const ID = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'

describe('parseGuid', () => {
  it('reads a GUID in either case', () => {
    assert.equal(parseGuid(ID), ID)
    assert.equal(parseGuid(ID.toUpperCase()), ID)
  })

  for (const text of [
    '',
    NIL_GUID,
    `{${ID}}`,
    ID.replaceAll('-', ''),
    `${ID}0`,
    `0${ID}`,
    ` ${ID}`,
    `${ID}\n`,
    ID.replace('a', 'g'),
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseGuid(text, 'id'), {
        code: 'ERR_FORMAT_GUID',
        field: 'id',
        message: `expected a GUID such as ${ID}`,
      })
    })
  }
})

describe('isGuid', () => {
  it('is true for the form that Chancery prints, and no other', () => {
    assert.ok(isGuid(ID) && isGuid(NIL_GUID))
    for (const text of [ID.toUpperCase(), `${ID}0`, `0${ID}`, '']) assert.equal(isGuid(text), false)
  })
})

describe('formatUuidV7', () => {
  it('prints the example of RFC 9562, appendix A.6', () => {
    const random = Buffer.from('fffffcc3d8c4dc0c0c07398f', 'hex')
    assert.equal(formatUuidV7(0x017f22e279b0, random, 2), '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  })
})
