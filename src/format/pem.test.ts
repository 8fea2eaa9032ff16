import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodePem, encodePem } from './pem.ts'

const block = '-----BEGIN TEST-----\nAAEC\n-----END TEST-----\n'

describe('PEM', () => {
  it('reads back what it writes, in lines of at most 64 characters', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodePem('PUBLIC KEY', bytes)
        for (const line of text.split('\n')) assert.ok(line.length <= 64)
        const [decoded, ...rest] = decodePem(text)
        assert.deepEqual(rest, [])
        assert.equal(decoded?.label, 'PUBLIC KEY')
        assert.deepEqual(Buffer.from(decoded.bytes), Buffer.from(bytes))
      }),
    )
  })

  it('reads several blocks, CRLF, and a last line without an end; ignores text around them', () => {
    const text = `Bag Attributes\r\n${block.replaceAll('\n', '\r\n')}subject=x\n${block.trimEnd()}`
    assert.deepEqual(
      decodePem(text).map(({ label, bytes }) => [label, [...bytes]]),
      [
        ['TEST', [0, 1, 2]],
        ['TEST', [0, 1, 2]],
      ],
    )
    assert.deepEqual(decodePem('no block'), [])
  })

  it('refuses what is not a block as RFC 7468 has it', () => {
    for (const text of [
      block.replace('END TEST', 'END REST'),
      block.replace('-----END TEST-----\n', ''),
      block.replace('AAEC', 'AAE'),
      block.replace('AAEC', 'AAE*'),
      block.replace('AAEC', ' AAEC'),
      block.replace('AAEC', 'AAEC '),
      block.replace('AAEC', 'AA==\nAAEC'),
      block.replace('AAEC', '\nAAEC'),
      block.replace('AAEC', 'Proc-Type: 4,ENCRYPTED\n\nAAEC'),
      block.replace('BEGIN TEST-----', 'BEGIN TEST----'),
      block.replace('BEGIN TEST-----', 'BEGIN TEST----- '),
      block.replace('BEGIN TEST', 'BEGIN  TEST'),
      block.replace('BEGIN TEST', 'BEGIN T\u00e9ST'),
      block + block.slice(0, 30),
      `-----BEGIN TEST-----\n${block}`,
    ]) {
      assert.throws(() => decodePem(text), { code: 'ERR_FORMAT_PEM' }, text)
    }
  })

  it('takes time in proportion to a hostile text', () => {
    const started = performance.now()
    assert.throws(() => decodePem(`-----BEGIN ${'A '.repeat(200_000)}`), { code: 'ERR_FORMAT_PEM' })
    assert.deepEqual(decodePem('-----BEGIN'.repeat(100_000)), [])
    // By the square of its length it would be minutes.
    assert.ok(performance.now() - started < 30_000)
  })
})
