import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodePae, parseEnvelope } from './dsse.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const envelope = {
  payload: 'aGVsbG8gd29ybGQ=',
  payloadType: 'http://example.com/HelloWorld',
  signatures: [{ sig: '+/8=' }],
}

describe('PAE', () => {
  it('is the example in the DSSE specification', () => {
    const payload = new TextEncoder().encode('hello world')
    assert.equal(
      text(encodePae('http://example.com/HelloWorld', payload)),
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    )
  })

  it('counts bytes, not UTF-16 units', () => {
    const payload = new TextEncoder().encode('\u{1f511}é')
    assert.equal(text(encodePae('é', payload)), 'DSSEv1 2 é 6 \u{1f511}é')
    assert.throws(() => encodePae('', payload), { code: 'ERR_FORMAT_DSSE' })
  })
})

describe('parseEnvelope', () => {
  it('reads both alphabets, and an empty key id', () => {
    const parsed = parseEnvelope(envelope)
    assert.equal(text(parsed.payload), 'hello world')
    assert.deepEqual([...parsed.signature], [0xfb, 0xff])
    const other = { ...envelope, signatures: [{ sig: '-_8=', keyid: '' }] }
    assert.deepEqual(parseEnvelope(other), parsed)
  })

  it('refuses whatever else it could be', () => {
    for (const change of [
      { payload: '' },
      { payload: 'aGVsbG8gd29ybGQ' },
      { payload: 'aGVsbG8gd29ybGR=' },
      { payload: 'aGVs\nbG8=' },
      { payload: 'a+b_' },
      { payload: 7 },
      { payloadType: '' },
      { payloadType: undefined },
      { payloadType: 'x'.repeat(257) },
      { signatures: [] },
      { signatures: [{ sig: '+/8=' }, { sig: '+/8=' }] },
      { signatures: [{ sig: '+/8=', keyid: 'k' }] },
      { signatures: [{ sig: '+/9=' }] },
      { signatures: [{ sig: 'A'.repeat(24_000) }] },
      { signatures: [{ sig: '+/8=', cert: '' }] },
      { signatures: { sig: '+/8=' } },
      { extra: 1 },
    ]) {
      assert.throws(() => parseEnvelope({ ...envelope, ...change }), { code: 'ERR_FORMAT_DSSE' })
    }
    for (const value of [null, [], 'x', undefined]) {
      assert.throws(() => parseEnvelope(value), { code: 'ERR_FORMAT_DSSE' })
    }
  })
})
