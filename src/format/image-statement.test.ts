import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COSIGN_SIGNATURE_PREDICATE, encodeImageStatement } from './image-statement.ts'
import { parseStatement } from './in-toto.ts'

const HEX = 'ab'.repeat(32)
const IMAGE = { name: 'registry.acme.test/app', manifestDigest: `sha256:${HEX}` }

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

describe('encodeImageStatement', () => {
  it('has the members of Cosign 3 in its order, and the name of the image', () => {
    assert.equal(
      text(encodeImageStatement(IMAGE)),
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"registry.acme.test/app","digest":{"sha256":"${HEX}"},` +
        `"annotations":{}}],"predicateType":"${COSIGN_SIGNATURE_PREDICATE}","predicate":{}}`,
    )
  })

  it('is the same for annotations in any order, and keeps strange ones', () => {
    const annotations = { b: '<&>', a: '\u2028', ['__proto__']: 'x', lone: '\ud800' }
    const encoded = encodeImageStatement({ ...IMAGE, annotations })
    const turned = Object.fromEntries(Object.entries(annotations).reverse())
    assert.deepEqual(encodeImageStatement({ ...IMAGE, annotations: turned }), encoded)
    const [subject] = parseStatement(encoded).subjects
    assert.deepEqual(Object.entries(subject?.annotations ?? {}), [
      ['__proto__', 'x'],
      ['a', '\u2028'],
      ['b', '<&>'],
      ['lone', '\ufffd'],
    ])
  })

  it('takes sha256 digests only', () => {
    for (const manifestDigest of ['', HEX, `sha256:${HEX.toUpperCase()}`, `sha512:${HEX}${HEX}`]) {
      assert.throws(() => encodeImageStatement({ ...IMAGE, manifestDigest }), {
        code: 'ERR_FORMAT_DIGEST',
      })
    }
  })
})
