import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  encodeDer,
  encodeNamedBits,
  encodeNull,
  encodeSequence,
  encodeSmallInteger,
  encodeTrue,
  encodeUnsigned,
} from '../../src/format/der-writer.ts'
import { DER_TAG } from '../../src/format/der-reader.ts'
import { parseCertificate, type X509Certificate } from '../../src/x509/certificate.ts'
import { allowsKeyUsage, readPathLength } from '../../src/x509/constraints.ts'
import { OID } from '../../src/x509/oids.ts'
import { issueCertificate } from '../verify/test-certificates.ts'

const certificate = parseCertificate(issueCertificate('Somebody').certificate)

/** The certificate with this extension and no other. */
function withExtension(oid: string, ...value: readonly Uint8Array[]): X509Certificate {
  const extension = { isCritical: true, value: Buffer.concat(value) }
  return { ...certificate, extensions: new Map([[oid, extension]]) }
}

const bare: X509Certificate = { ...certificate, extensions: new Map() }
const number = (value: number) => encodeUnsigned(Uint8Array.of(value >> 8, value & 0xff))

describe('the path length of an authority', () => {
  const of = (...value: readonly Uint8Array[]) =>
    readPathLength(withExtension(OID.basicConstraints, encodeSequence(...value)))

  it('is what basicConstraints says, or not limited', () => {
    assert.equal(readPathLength(bare), undefined)
    assert.equal(of(), undefined)
    assert.equal(of(encodeTrue()), undefined)
    assert.equal(of(encodeTrue(), encodeSmallInteger(0)), 0)
    assert.equal(of(encodeSmallInteger(3)), 3)
    assert.equal(of(encodeTrue(), number(1000)), 1000)
  })

  it('is not read from anything else', () => {
    for (const [what, value] of Object.entries({
      'a negative one': [encodeTrue(), encodeSmallInteger(0xff)],
      'one above 1000': [encodeTrue(), number(1001)],
      'another type': [encodeTrue(), encodeNull()],
      'more behind it': [encodeTrue(), encodeSmallInteger(0), encodeNull()],
    })) {
      assert.throws(() => of(...value), { code: 'ERR_FORMAT_DER' }, what)
    }
    const trailing = withExtension(OID.basicConstraints, encodeSequence(), encodeNull())
    assert.throws(() => readPathLength(trailing), { code: 'ERR_FORMAT_DER' })
  })
})

describe('the usage of a key', () => {
  const usages = (one: X509Certificate) => [
    allowsKeyUsage(one, 'digitalSignature'),
    allowsKeyUsage(one, 'certificateSigning'),
  ]
  const bits = (...named: readonly number[]) =>
    withExtension(OID.keyUsage, encodeNamedBits(...named))

  it('is each whose bit is set, or any where nothing is said', () => {
    assert.deepEqual(usages(bare), [true, true])
    assert.deepEqual(usages(bits(0)), [true, false])
    assert.deepEqual(usages(bits(5)), [false, true])
    assert.deepEqual(usages(bits(0, 5)), [true, true])
    for (const other of [1, 2, 3, 4, 6, 7, 8]) {
      assert.deepEqual(usages(bits(other)), [false, false], `bit ${other}`)
    }
    const empty = withExtension(OID.keyUsage, encodeDer(DER_TAG.bitString, new Uint8Array(1)))
    assert.deepEqual(usages(empty), [false, false])
  })

  it('is not read from anything else', () => {
    for (const value of [
      [encodeNamedBits(0), encodeNull()],
      [encodeSmallInteger(0x80)],
      [new Uint8Array()],
    ]) {
      assert.throws(() => usages(withExtension(OID.keyUsage, ...value)), { code: 'ERR_FORMAT_DER' })
    }
  })
})
