import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodePae, encodePae, parseEnvelope, resemblesPae } from './dsse.ts'

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

describe('decodePae', () => {
  const bytes = (encoding: string): Uint8Array => new TextEncoder().encode(encoding)

  it('reads what encodePae makes, also with spaces, digits and line breaks in the payload', () => {
    for (const payload of ['hello world', '', ' 11 x', '\n', '9', '\u{1f511}']) {
      const encoded = encodePae('a/b+json', bytes(payload))
      const decoded = decodePae(encoded)
      assert.equal(decoded.payloadType, 'a/b+json')
      assert.equal(text(decoded.payload), payload)
      assert.deepEqual(encodePae(decoded.payloadType, decoded.payload), encoded)
      assert.ok(resemblesPae(encoded))
    }
  })

  it('refuses every other text that starts like one', () => {
    for (const encoding of [
      'DSSEv',
      'DSSEv1',
      'DSSEv1 ',
      'DSSEv1 3 a/b 2',
      'DSSEv1 3 a/b 2 ',
      'DSSEv1 3 a/b 2 {',
      'DSSEv1 3 a/b 2 {}\n',
      'DSSEv1 3 a/b 2 {} ',
      'DSSEv1 3 a/b 2  {}',
      'DSSEv1 3  a/b 2 {}',
      'DSSEv1  3 a/b 2 {}',
      'DSSEv1\t3 a/b 2 {}',
      'DSSEv1 03 a/b 2 {}',
      'DSSEv1 3 a/b 02 {}',
      'DSSEv1 3 a/b +2 {}',
      'DSSEv1 3 a/b 0x2 {}',
      'DSSEv1 3 a/b 2.0 {}',
      'DSSEv1 3 a/b ２ {}',
      'DSSEv1 2 a/b 2 {}',
      'DSSEv1 4 a/b 2 {}',
      'DSSEv1 5 a/b c 2 {}',
      'DSSEv1 0  2 {}',
      'DSSEv1 4 a/bé 2 {}',
      'DSSEv1 3 a/b 99999999999999999999 {}',
      `DSSEv1 257 ${'a'.repeat(257)} 2 {}`,
      'DSSEv2 3 a/b 2 {}',
    ]) {
      assert.ok(resemblesPae(bytes(encoding)), encoding)
      assert.throws(() => decodePae(bytes(encoding)), { code: 'ERR_FORMAT_DSSE' }, encoding)
    }
  })

  it('nothing resembles one that does not start so', () => {
    for (const other of ['', 'DSSE', ' DSSEv1 ', '\uFEFFDSSEv1 ', 'dssev1 3 a/b 2 {}', '{}']) {
      assert.equal(resemblesPae(bytes(other)), false, other)
    }
    for (const before of [' ', 'x', '\n']) {
      for (const length of [2, 3]) {
        const encoding = bytes(`${before}DSSEv1 3 a/b ${length} {}`)
        assert.throws(() => decodePae(encoding), { code: 'ERR_FORMAT_DSSE' })
      }
    }
  })
})

describe('parseEnvelope', () => {
  it('reads both alphabets, and an empty key id', () => {
    const parsed = parseEnvelope(envelope)
    assert.equal(text(parsed.payload), 'hello world')
    assert.deepEqual([...parsed.signature], [0xfb, 0xff])
    const other = { ...envelope, signatures: [{ sig: '-_8=', keyid: '' }] }
    assert.deepEqual(parseEnvelope(other), parsed)
    for (const sig of ['-bbb', '_bbb', '+bbb', '/bbb']) {
      const { signature } = parseEnvelope({ ...envelope, signatures: [{ sig }] })
      assert.deepEqual(signature, new Uint8Array(Buffer.from(sig, 'base64')))
    }
  })

  it('refuses whatever else it could be', () => {
    for (const change of [
      { payload: '' },
      { payload: 'aGVsbG8gd29ybGQ' },
      { payload: 'aGVsbG8gd29ybGR=' },
      { payload: 'aGVs\nbG8=' },
      { payload: 'a+b_' },
      { payload: 'a/b-' },
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
