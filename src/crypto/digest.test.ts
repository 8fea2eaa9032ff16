import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../format/hex.ts'
import { isGuid } from '../format/guid.ts'
import { equalBytes } from './constant-time.ts'
import { hashMessage, sha1, sha256, sha256Hex, startDigest } from './digest.ts'
import { deriveHkdf } from './hkdf.ts'
import { hmac, hmacSha256 } from './hmac.ts'
import { randomBytes, randomGuid, randomTraceId } from './random.ts'
import { deriveScrypt } from './scrypt.ts'

const abc = Buffer.from('abc')

describe('digests', () => {
  it('SHA-256, SHA-384, SHA-512 and SHA-1 of "abc" are those of FIPS 180-4', () => {
    const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    assert.equal(encodeHex(sha256(abc)), expected)
    assert.equal(sha256Hex(abc), expected)
    assert.match(encodeHex(hashMessage('sha384', abc)), /^cb00753f45a35e8bb5a03d699ac65007/)
    assert.match(encodeHex(hashMessage('sha512', abc)), /^ddaf35a193617abacc417349ae204131/)
    assert.equal(encodeHex(sha1(abc)), 'a9993e364706816aba3e25717850c26c9cd0d89d')
  })

  it('a running digest ends like one over all bytes', () => {
    const running = startDigest('sha256')
    for (const byte of abc) running.update(new Uint8Array([byte]))
    assert.deepEqual(running.finish(), sha256(abc))
  })

  it('HMAC-SHA-256: RFC 4231, case 2', () => {
    const mac = hmacSha256(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'))
    assert.equal(encodeHex(mac), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  })

  it('HMAC-SHA-1: RFC 2202, case 2', () => {
    const mac = hmac('sha1', Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'))
    assert.equal(encodeHex(mac), 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79')
  })

  it('HKDF: RFC 5869, case 3 (no salt), for the empty label', () => {
    const okm = deriveHkdf(new Uint8Array(22).fill(0x0b), '', 42)
    assert.equal(
      encodeHex(okm),
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    )
    const key = randomBytes(32)
    assert.notDeepEqual(deriveHkdf(key, 'a', 32), deriveHkdf(key, 'b', 32))
  })

  it('scrypt: RFC 7914, 12, second vector', async () => {
    const key = await deriveScrypt(
      Buffer.from('password'),
      Buffer.from('NaCl'),
      { cost: 1024, blockSize: 8, parallelization: 16 },
      64,
    )
    assert.match(
      encodeHex(key),
      /^fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162/,
    )
  })
})

describe('random', () => {
  it('bytes differ and have the length asked for', () => {
    assert.equal(randomBytes(33).length, 33)
    assert.notDeepEqual(randomBytes(16), randomBytes(16))
  })

  it('ids are GUIDs that differ within a millisecond and sort by time', () => {
    const ids = new Set(Array.from({ length: 2000 }, () => randomGuid(1_800_000_000_000)))
    assert.equal(ids.size, 2000)
    for (const id of ids) assert.ok(isGuid(id))
    assert.ok(randomGuid(1_800_000_000_001) > [...ids].toSorted().at(-1)!)
  })
})

describe('randomTraceId', () => {
  it('gives 32 hexadecimal digits that differ', () => {
    const ids = new Set(Array.from({ length: 2000 }, randomTraceId))
    assert.equal(ids.size, 2000)
    for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/)
  })
})

describe('equalBytes', () => {
  it('compares content and length', () => {
    assert.ok(equalBytes(abc, Uint8Array.from(abc)))
    assert.ok(!equalBytes(abc, Buffer.from('abd')))
    assert.ok(!equalBytes(abc, Buffer.from('ab')))
    assert.ok(equalBytes(new Uint8Array(0), new Uint8Array(0)))
  })
})
