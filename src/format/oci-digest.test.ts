import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDigest, isSha256Digest, parseDigest } from './oci-digest.ts'

const HEX = '0123456789abcdef'.repeat(4)

describe('parseDigest', () => {
  it('reads the two registered algorithms', () => {
    assert.deepEqual(parseDigest(`sha256:${HEX}`), { algorithm: 'sha256', hex: HEX })
    assert.deepEqual(parseDigest(`sha512:${HEX}${HEX}`), { algorithm: 'sha512', hex: HEX + HEX })
    assert.equal(isDigest(`sha512:${HEX}${HEX}`), true)
    assert.equal(isSha256Digest(`sha256:${HEX}`), true)
    assert.equal(isSha256Digest(`sha512:${HEX}${HEX}`), false)
  })

  it('refuses everything else and names the field', () => {
    const refused = [
      '',
      HEX,
      `sha256:${HEX.toUpperCase()}`,
      `SHA256:${HEX}`,
      `sha256:${HEX.slice(1)}`,
      `sha256:${HEX}0`,
      `sha512:${HEX}`,
      `sha1:${HEX.slice(24)}`,
      ` sha256:${HEX}`,
      `sha256:${HEX}\n`,
      `sha256:${HEX.slice(1)}g`,
      `sha256-${HEX}`,
      `sha256:${HEX.slice(1)}\u0660`,
    ]
    for (const text of refused) {
      assert.throws(() => parseDigest(text, 'critical'), {
        code: 'ERR_FORMAT_DIGEST',
        field: 'critical',
      })
      assert.equal(isDigest(text), false)
      assert.equal(isSha256Digest(text), false)
    }
  })
})
