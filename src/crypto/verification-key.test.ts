import assert from 'node:assert/strict'
import { createPublicKey, ECDH, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { VerificationKey } from './verification-key.ts'

function onCurve(namedCurve: string): Uint8Array {
  return generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'der' })
}

describe('VerificationKey', () => {
  it('knows its algorithm', () => {
    assert.equal(new VerificationKey(onCurve('P-256')).algorithm, 'ecdsa-p256')
    assert.equal(new VerificationKey(onCurve('P-384')).algorithm, 'ecdsa-p384')
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const rsa = publicKey.export({ type: 'spki', format: 'der' })
    assert.equal(new VerificationKey(rsa).algorithm, 'rsa-2048')
  })

  it('is no key on another curve, and no point beside P-256', () => {
    for (const curve of ['secp256k1', 'brainpoolP256r1']) {
      assert.throws(() => new VerificationKey(onCurve(curve)), { code: 'ERR_CRYPTO_KEY' }, curve)
    }
    const key = onCurve('P-256')
    for (const place of [10, 24, 40, 90]) {
      const changed = Uint8Array.from(key)
      changed[place]! ^= 1
      assert.throws(() => new VerificationKey(changed), { code: 'ERR_CRYPTO_KEY' }, String(place))
    }
  })

  it('takes a point in its compressed form', () => {
    const key = onCurve('P-256')
    const point = ECDH.convertKey(
      key.subarray(26),
      'prime256v1',
      undefined,
      undefined,
      'compressed',
    )
    const start = Uint8Array.from(key.subarray(0, 26))
    start[1] = 0x39
    start[24] = 0x22
    const compressed = Buffer.concat([start, point as Buffer])
    assert.equal(createPublicKey({ key: compressed, format: 'der', type: 'spki' }).type, 'public')
    assert.equal(new VerificationKey(compressed).algorithm, 'ecdsa-p256')
  })
})
