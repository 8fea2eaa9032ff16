import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DER_TAG, DerReader, readDerSequence } from './der-reader.ts'
import {
  encodeDer,
  encodeNamedBits,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeTime,
  encodeUnsigned,
} from './der-writer.ts'
import { decodeHex, encodeHex } from './hex.ts'

const reader = (hex: string) => new DerReader(decodeHex(hex))
const refused = { code: 'ERR_FORMAT_DER' }

describe('DER reader', () => {
  it('refuses every encoding but the one of X.690, 10.1', () => {
    for (const hex of [
      '', // nothing
      '30', // no length
      '3080', // indefinite
      '30800000', // indefinite, closed
      '308100', // long form of 0
      '30817f', // long form of 127
      '30820080', // leading zero in the length
      '308500000000010000', // five bytes of length
      '3002', // content missing
      '300100ff00'.slice(0, 4), // content cut off
      '1f8101', // high tag number
    ]) {
      assert.throws(() => reader(hex).readAny(), refused, hex)
    }
    // These have all the bytes they announce: only the form of the length is wrong.
    for (const header of ['30817f', '30820080', '308200ff', '3083000100', '3084000000ff']) {
      assert.throws(() => reader(header + '00'.repeat(300)).readAny(), refused, header)
    }
    assert.equal(reader('0500').readAny().content.length, 0)
  })

  it('never reads beyond the value it is inside of', () => {
    // Inside of a sequence of 3, 2 or 1 bytes; what would be needed stands behind it.
    for (const hex of ['30030405000000000000', '300202010000000000', '30010200', '3002a0020201']) {
      const inside = reader(hex).enter()
      assert.throws(() => inside.readAny(), refused, hex)
    }
    const outer = reader('3003020105020107')
    const inner = outer.enter()
    assert.deepEqual([...inner.readInteger()], [5])
    assert.ok(inner.isAtEnd)
    assert.equal(inner.peekTag(), undefined)
    assert.throws(() => inner.readInteger(), refused)
    assert.deepEqual([...outer.readEncoded(DER_TAG.integer)], [2, 1, 7])
    assert.throws(() => reader('0500').readEncoded(DER_TAG.integer), refused)
  })

  it('refuses integers that are empty or longer than needed', () => {
    for (const hex of ['0200', '02020001', '0202007f', '0202ff80', '0202ffff']) {
      assert.throws(() => reader(hex).readInteger(), refused, hex)
    }
    for (const hex of ['020100', '02017f', '02020080', '0201ff', '0202ff7f']) {
      assert.ok(reader(hex).readInteger(), hex)
    }
  })

  it('reads small integers within their bound', () => {
    assert.equal(reader('02020800').readSmallInteger(2048), 2048)
    for (const hex of ['02020801', '0201ff', '02050100000000', '020500ffffffff', '0408']) {
      assert.throws(() => reader(hex).readSmallInteger(2048), refused, hex)
    }
  })

  it('refuses booleans that are neither 00 nor ff', () => {
    assert.equal(reader('0101ff').readBoolean(), true)
    assert.equal(reader('010100').readBoolean(), false)
    for (const hex of ['010101', '0100', '0102ffff']) {
      assert.throws(() => reader(hex).readBoolean(), refused, hex)
    }
  })

  it('refuses object identifiers with padding, an open end or huge arcs', () => {
    for (const hex of [
      '0600',
      '06022a80',
      '06032a8001',
      '06072a818080808001',
      '06068fffffffff7f',
    ]) {
      assert.throws(() => reader(hex).readOid(), refused, hex)
    }
  })

  it('refuses bit strings that are not whole bytes', () => {
    for (const hex of ['0300', '03020780']) {
      assert.throws(() => reader(hex).readBitString(), refused, hex)
    }
    assert.equal(reader('030100').readBitString().length, 0)
  })

  it('refuses times that do not exist or are not in Z', () => {
    const time = (tag: number, text: string) =>
      new DerReader(encodeDer(tag, Buffer.from(text))).readTime().toISOString()
    assert.equal(time(DER_TAG.utcTime, '491231235959Z'), '2049-12-31T23:59:59.000Z')
    assert.equal(time(DER_TAG.utcTime, '500101000000Z'), '1950-01-01T00:00:00.000Z')
    for (const text of [
      '260230000000Z',
      '261301000000Z',
      '260101240000Z',
      '2601010000Z',
      '260101000000',
      '260101000000+0100',
      '260101000000ZZ',
      'abcdefghijklZ',
    ]) {
      assert.throws(() => time(DER_TAG.utcTime, text), refused, text)
    }
    assert.throws(() => time(DER_TAG.generalizedTime, '20260101000000.5Z'), refused)
    assert.throws(() => time(DER_TAG.octetString, '20260101000000Z'), refused)
  })

  it('refuses more than 32 levels', () => {
    let bytes: Uint8Array = new Uint8Array(0)
    for (let i = 0; i < 40; i++) bytes = encodeSequence(bytes)
    const descend = (at: DerReader): void => {
      while (!at.isAtEnd) descend(at.enter())
    }
    assert.throws(() => descend(new DerReader(bytes)), refused)
  })

  it('refuses bytes after the outer sequence', () => {
    assert.throws(() => readDerSequence(decodeHex('300000')), refused)
    assert.ok(readDerSequence(decodeHex('3000')).isAtEnd)
  })

  it('never throws anything else, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const at = new DerReader(bytes)
        try {
          while (!at.isAtEnd) {
            const { encoded } = at.readAny()
            for (const read of ['readInteger', 'readOid', 'readBitString', 'readTime'] as const) {
              try {
                new DerReader(encoded)[read]()
              } catch (thrown) {
                assert.equal((thrown as { code?: string }).code, 'ERR_FORMAT_DER')
              }
            }
          }
        } catch (thrown) {
          assert.equal((thrown as { code?: string }).code, 'ERR_FORMAT_DER')
        }
      }),
    )
  })
})

describe('DER writer', () => {
  it('writes lengths in their shortest form', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const encoded = encodeDer(DER_TAG.octetString, new Uint8Array(length))
      const value = new DerReader(encoded).readAny()
      assert.equal(value.content.length, length)
      assert.equal(value.encoded.length, encoded.length)
    }
  })

  it('writes unsigned integers that read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const integer = new DerReader(encodeUnsigned(bytes)).readInteger()
        assert.equal(BigInt(`0x${encodeHex(integer)}`), BigInt(`0x${encodeHex(bytes)}`))
      }),
    )
  })

  it('writes object identifiers that read back', () => {
    for (const oid of [
      '1.2.840.113549.1.1.1',
      '2.5.29.37',
      '0.9.2342.19200300',
      '2.999.3',
      '1.3',
    ]) {
      assert.equal(new DerReader(encodeOid(oid)).readOid(), oid)
    }
    assert.equal(encodeHex(encodeOid('2.999.3')), '0603883703')
  })

  it('sorts the members of a set', () => {
    const [one, two] = [decodeHex('020102'), decodeHex('020101')]
    assert.equal(encodeHex(encodeSetOf(one, two)), '3106020101020102')
  })

  it('writes named bits without trailing zeros', () => {
    assert.equal(encodeHex(encodeNamedBits(0)), '03020780')
    assert.equal(encodeHex(encodeNamedBits(5, 6)), '03020106')
    assert.equal(encodeHex(encodeNamedBits(8)), '0303070080')
  })

  it('changes from UTCTime to GeneralizedTime with 2050', () => {
    const text = (iso: string) => {
      const { tag, content } = new DerReader(encodeTime(Date.parse(iso))).readAny()
      return `${tag === DER_TAG.utcTime ? 'UTC' : 'Generalized'} ${Buffer.from(content).toString()}`
    }
    assert.equal(text('2049-12-31T23:59:59.999Z'), 'UTC 491231235959Z')
    assert.equal(text('2050-01-01T00:00:00Z'), 'Generalized 20500101000000Z')
    assert.equal(text('1949-12-31T23:59:59Z'), 'Generalized 19491231235959Z')
    assert.equal(text('1950-01-01T00:00:00Z'), 'UTC 500101000000Z')
  })
})
