import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { decodeHex, encodeHex } from '../format/hex.ts'
import { decryptCbc } from './cbc.ts'
import { derivePkcs12, PKCS12_PURPOSE } from './pkcs12-kdf.ts'
import { decryptRc2Cbc } from './rc2.ts'

describe('RC2', () => {
  it('the vectors of RFC 2268, 5, whose effective length is that of the key', () => {
    for (const [key, plaintext, ciphertext] of [
      ['ffffffffffffffff', 'ffffffffffffffff', '278b27e42e2f0d49'],
      ['3000000000000000', '1000000000000001', '30649edf9be7d2c2'],
      ['88bca90e90875a7f0f79c384627bafb2', '0000000000000000', '2269552ab0f85ca6'],
    ] as const) {
      const decrypted = decryptRc2Cbc(decodeHex(key), new Uint8Array(8), decodeHex(ciphertext))
      assert.equal(encodeHex(decrypted), plaintext)
    }
  })
})

describe('CBC', () => {
  it('refuses padding and lengths that cannot be', () => {
    const key = new Uint8Array(16)
    const iv = new Uint8Array(16)
    for (const length of [0, 15, 17]) {
      assert.equal(decryptCbc('aes-128-cbc', key, iv, new Uint8Array(length)), undefined)
    }
    // AES-128 of zeros under the zero key decrypts to 140f0f1011b5223d79587717ffd9ec3a.
    assert.equal(decryptCbc('aes-128-cbc', key, iv, new Uint8Array(16)), undefined)
  })
})

describe('PKCS#12 key derivation', () => {
  it('lets others run while it works', async () => {
    const isOver = { yet: false }
    const passphrase = new Uint8Array(2)
    const salt = new Uint8Array(8)
    const { key } = PKCS12_PURPOSE
    const deriving = derivePkcs12('sha256', key, passphrase, salt, 20_000, 32).finally(() => {
      isOver.yet = true
    })
    let turns = 0
    for (; !isOver.yet; turns += 1) await setImmediate()
    const derived = await deriving
    assert.equal(derived.length, 32)
    assert.ok(turns >= 19, `${turns} turns`)
  })
})
