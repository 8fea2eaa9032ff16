import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { randomBytes } from './random.ts'
import { seal, unseal } from './seal.ts'

const key = randomBytes(32)
const belongsTo = Buffer.from('row 1')

describe('seal', () => {
  it('opens with the same key and associated data, and never looks the same twice', () => {
    for (const plaintext of [new Uint8Array(0), Buffer.from('secret')]) {
      const sealed = seal(key, plaintext, belongsTo)
      assert.deepEqual(Buffer.from(unseal(key, sealed, belongsTo)), Buffer.from(plaintext))
      assert.notDeepEqual(seal(key, plaintext, belongsTo), sealed)
      assert.equal(sealed.length, plaintext.length + 29)
    }
  })

  it('does not open with another key or for another owner', () => {
    const sealed = seal(key, Buffer.from('secret'), belongsTo)
    assert.throws(() => unseal(randomBytes(32), sealed, belongsTo), { code: 'ERR_CRYPTO_SEAL' })
    assert.throws(() => unseal(key, sealed, Buffer.from('row 2')), { code: 'ERR_CRYPTO_SEAL' })
  })

  it('does not open when any byte is changed, cut off or added', () => {
    const sealed = seal(key, Buffer.from('secret'), belongsTo)
    for (let i = 0; i < sealed.length; i++) {
      const changed = Uint8Array.from(sealed)
      changed[i]! ^= 1
      assert.throws(() => unseal(key, changed, belongsTo), { code: 'ERR_CRYPTO_SEAL' }, `byte ${i}`)
      assert.throws(() => unseal(key, sealed.subarray(0, i), belongsTo), {
        code: 'ERR_CRYPTO_SEAL',
      })
    }
    const longer = Buffer.concat([sealed, new Uint8Array(1)])
    assert.throws(() => unseal(key, longer, belongsTo), { code: 'ERR_CRYPTO_SEAL' })
  })
})
