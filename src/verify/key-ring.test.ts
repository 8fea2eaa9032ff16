import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import type { SignatureScheme } from '../crypto/signer.ts'
import { VerificationKey } from '../crypto/verification-key.ts'
import { KeyRing } from './key-ring.ts'

const SHA256: SignatureScheme = { hash: 'sha256' }
const refused = { code: 'ERR_CRYPTO_SIGNATURE' }

interface Signed {
  readonly privateKey: KeyObject
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

function signMessage(message = Buffer.from('a message')): Signed {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    privateKey,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    message,
    signature: sign('sha256', message, privateKey),
  }
}

/** How often is enough to be sure that a ring remembers. */
function teach(ring: KeyRing, { publicKey, message, signature }: Signed): void {
  for (let i = 0; i < 3; i++) ring.open(publicKey).verify(message, signature, SHA256)
}

describe('KeyRing', () => {
  it('keeps a key open once it has come again', () => {
    const ring = new KeyRing()
    const one = signMessage()
    const first = ring.open(one.publicKey)
    assert.notEqual(ring.open(one.publicKey), first)
    teach(ring, one)
    assert.equal(ring.open(one.publicKey), ring.open(Uint8Array.from(one.publicKey)))
  })

  it('verifies once more what has held once, then no more until it is forgotten', (test) => {
    const ring = new KeyRing()
    const one = signMessage()
    const key = ring.open(one.publicKey)
    const { mock } = test.mock.method(VerificationKey.prototype, 'verify')
    const counts = Array.from({ length: 4 }, () => {
      key.verify(one.message, one.signature, SHA256)
      return mock.callCount()
    })
    assert.deepEqual(counts, [1, 2, 2, 2])
    const verifyOthers = (start: number, end: number, times: number): void => {
      for (let i = start; i < end; i++) {
        const message = Buffer.from(String(i))
        const signature = sign('sha256', message, one.privateKey)
        for (let time = 0; time < times; time++) key.verify(message, signature, SHA256)
      }
    }
    verifyOthers(0, 4095, 2)
    const before = mock.callCount()
    key.verify(one.message, one.signature, SHA256)
    assert.equal(mock.callCount(), before)
    verifyOthers(4095, 4096, 2)
    key.verify(one.message, one.signature, SHA256)
    assert.equal(mock.callCount(), before + 2 + 1)
  })

  it('forgets nothing for what has come once only, however much of it', (test) => {
    const ring = new KeyRing()
    const one = signMessage()
    teach(ring, one)
    const key = ring.open(one.publicKey)
    const { mock } = test.mock.method(VerificationKey.prototype, 'verify')
    for (let i = 1; i <= 9000; i++) {
      const message = Buffer.from(String(i))
      key.verify(message, sign('sha256', message, one.privateKey), SHA256)
      if (i % 1000 === 0) key.verify(one.message, one.signature, SHA256)
    }
    assert.equal(mock.callCount(), 9000)
  })

  it('refuses every other message, signature, key and scheme, whatever it has seen before', () => {
    const ring = new KeyRing()
    const one = signMessage()
    const other = signMessage()
    teach(ring, one)
    teach(ring, other)
    const key = ring.open(one.publicKey)
    const { message, signature } = one
    for (const [bytes, verify] of [
      [
        message,
        (changed: Uint8Array) => {
          key.verify(changed, signature, SHA256)
        },
      ],
      [
        signature,
        (changed: Uint8Array) => {
          key.verify(message, changed, SHA256)
        },
      ],
    ] as const) {
      for (const [place, byte] of bytes.entries()) {
        for (let bit = 0; bit < 8; bit++) {
          const changed = Uint8Array.from(bytes)
          changed[place] = byte ^ (1 << bit)
          assert.throws(
            () => {
              verify(changed)
            },
            refused,
            `byte ${place}, bit ${bit}`,
          )
        }
      }
    }
    assert.throws(() => {
      ring.open(other.publicKey).verify(message, signature, SHA256)
    }, refused)
    assert.throws(() => {
      key.verify(message, signature, { hash: 'sha384' })
    }, refused)
    assert.throws(() => {
      key.verify(message, signature, { hash: 'sha256', ecdsaFormat: 'ieee-p1363' })
    }, refused)
    teach(ring, one)
  })

  it('takes no byte of the message for one of the signature, or the reverse', () => {
    const ring = new KeyRing()
    const one = signMessage()
    teach(ring, one)
    const key = ring.open(one.publicKey)
    const whole = Buffer.concat([one.message, one.signature])
    for (let cut = 0; cut <= whole.length; cut++) {
      if (cut === one.message.length) continue
      assert.throws(() => {
        key.verify(whole.subarray(0, cut), whole.subarray(cut), SHA256)
      }, refused)
    }
  })

  it('never remembers what did not hold, however often it comes', () => {
    const ring = new KeyRing()
    const one = signMessage()
    const forged = Buffer.from('another message')
    const key = ring.open(one.publicKey)
    for (let i = 0; i < 5; i++) {
      assert.throws(() => {
        key.verify(forged, one.signature, SHA256)
      }, refused)
    }
    teach(ring, one)
    for (let i = 0; i < 5; i++) {
      assert.throws(() => {
        key.verify(forged, one.signature, SHA256)
      }, refused)
    }
  })

  it('goes by the bytes as they were when it saw them', () => {
    const ring = new KeyRing()
    const one = signMessage()
    const other = signMessage()
    const publicKey = Uint8Array.from(one.publicKey)
    const key = ring.open(publicKey)
    publicKey.set(other.publicKey)
    key.publicKey.set(other.publicKey)
    for (let i = 0; i < 3; i++) key.verify(one.message, one.signature, SHA256)
    assert.throws(() => {
      ring.open(other.publicKey).verify(one.message, one.signature, SHA256)
    }, refused)
    const message = Uint8Array.from(one.message)
    teach(ring, { ...one, message })
    message[0]! ^= 1
    assert.throws(() => {
      ring.open(one.publicKey).verify(message, one.signature, SHA256)
    }, refused)
  })

  it('knows nothing of what another ring has seen', () => {
    const one = signMessage()
    const ring = new KeyRing()
    teach(ring, one)
    assert.throws(() => {
      new KeyRing().open(signMessage().publicKey).verify(one.message, one.signature, SHA256)
    }, refused)
  })

  it('verifies long messages each time', () => {
    const ring = new KeyRing()
    const long = signMessage(Buffer.alloc(100_000, 'x'))
    teach(ring, long)
    long.message[0]! ^= 1
    assert.throws(() => {
      ring.open(long.publicKey).verify(long.message, long.signature, SHA256)
    }, refused)
  })
})
