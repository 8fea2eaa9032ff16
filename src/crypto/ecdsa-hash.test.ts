import assert from 'node:assert/strict'
import { createECDH, hash as digest, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ECDSA_ORDERS, moveSignature, toBigInt } from './ecdsa-hash.ts'
import { decodeEcdsaSignature, encodeEcdsaSignature } from './ecdsa-signature.ts'
import { generatePrivateKey, exportPrivateScalar } from './private-key.ts'

/** The nonce that a signature was made with: known to whoever has the private key. */
function nonceOf(n: bigint, d: bigint, hash: bigint, signature: Uint8Array): bigint {
  const half = signature.length / 2
  const r = toBigInt(signature.subarray(0, half))
  const s = toBigInt(signature.subarray(half))
  return ((hash + r * d) * power(s, n - 2n, n)) % n
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let b = base, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus) {
    if (e & 1n) result = (result * b) % modulus
  }
  return result
}

describe('moveSignature', () => {
  for (const [algorithm, curve] of [
    ['ecdsa-p256', 'prime256v1'],
    ['ecdsa-p384', 'secp384r1'],
    ['ecdsa-p521', 'secp521r1'],
  ] as const) {
    it(`${curve}: the moved signature has the same nonce, for any hash`, async () => {
      const order = ECDSA_ORDERS[curve]
      const key = await generatePrivateKey(algorithm)
      const scalar = toBigInt(exportPrivateScalar(key))
      const ecdh = createECDH(curve)
      ecdh.setPrivateKey(exportPrivateScalar(key))
      assert.ok(Buffer.from(key.publicKey).includes(ecdh.getPublicKey()))
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (hash) => {
          const fresh = {
            hash: digest('sha256', hash, 'buffer'),
            signature: decodeEcdsaSignature(sign('sha256', hash, key.handle), order.scalarBytes),
          }
          const moved = moveSignature(order, scalar, fresh, hash)
          assert.equal(
            nonceOf(order.n, scalar, toBigInt(hash), moved),
            nonceOf(order.n, scalar, toBigInt(fresh.hash), fresh.signature),
          )
        }),
        { numRuns: 30 },
      )
    })
  }
})

describe('ECDSA signature encodings', () => {
  it('are exact inverses', () => {
    const scalar = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .filter((s) => s.some((b) => b > 0))
    fc.assert(
      fc.property(scalar, scalar, (r, s) => {
        const fixed = new Uint8Array([...r, ...s])
        assert.deepEqual(decodeEcdsaSignature(encodeEcdsaSignature(fixed), 32), fixed)
      }),
    )
  })

  it('refuses negative, oversized and trailing values', () => {
    for (const hex of [
      '3006020180020101', // negative
      '3003020101', // one
      '3009020101020101020101', // three
      '300602010102010100', // a byte too many
      `3026022200${'ff'.repeat(33)}020101`.replace('3026', '3027'), // 33 bytes
    ]) {
      assert.throws(() => decodeEcdsaSignature(Buffer.from(hex, 'hex'), 32), {
        code: 'ERR_FORMAT_DER',
      })
    }
  })
})
