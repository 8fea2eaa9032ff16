import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import util, { inspect } from 'node:util'
import { ALGORITHMS, HASH_BYTES, SIGNATURE_ALGORITHMS } from './algorithms.ts'
import type { HashAlgorithm, SignatureAlgorithm } from './algorithms.ts'
import { hashMessage } from './digest.ts'
import { decodeEcdsaSignature } from './ecdsa-signature.ts'
import { LocalSigner } from './local-signer.ts'
import { generatePrivateKey, importPrivateKey, PrivateKey } from './private-key.ts'
import type { SignatureScheme } from './signer.ts'
import { verifySignature } from './verify-signature.ts'

const HASHES = Object.keys(HASH_BYTES) as HashAlgorithm[]
const message = Buffer.from('{"critical":{}}')

function schemesOf(algorithm: SignatureAlgorithm): SignatureScheme[] {
  switch (ALGORITHMS[algorithm].keyType) {
    case 'ed25519':
      return [{ hash: 'sha256' }]
    case 'ec':
      return HASHES.flatMap((hash) => [
        { hash },
        { hash, ecdsaFormat: 'der' },
        { hash, ecdsaFormat: 'ieee-p1363', rsaPadding: 'pkcs1' },
      ])
    case 'rsa':
      return HASHES.flatMap((hash) => [
        { hash, rsaPadding: 'pkcs1' },
        { hash, rsaPadding: 'pss' },
      ])
  }
}

describe('LocalSigner', () => {
  const signers = new Map<SignatureAlgorithm, LocalSigner>()
  const signerOf = (algorithm: SignatureAlgorithm): LocalSigner => signers.get(algorithm)!

  before(async () => {
    for (const algorithm of SIGNATURE_ALGORITHMS) {
      signers.set(algorithm, new LocalSigner('key', await generatePrivateKey(algorithm)))
    }
  })

  for (const algorithm of SIGNATURE_ALGORITHMS) {
    it(`${algorithm}: signs messages in every scheme`, async () => {
      const signer = signerOf(algorithm)
      assert.equal(signer.algorithm, algorithm)
      for (const scheme of schemesOf(algorithm)) {
        const signature = await signer.sign(message, scheme)
        verifySignature(signer.publicKey, message, signature, scheme)
        assert.throws(
          () => verifySignature(signer.publicKey, Buffer.from('other'), signature, scheme),
          { code: 'ERR_CRYPTO_SIGNATURE' },
          JSON.stringify(scheme),
        )
      }
    })

    if (algorithm === 'ed25519') continue

    it(`${algorithm}: a signed hash verifies as the signed message`, async () => {
      const signer = signerOf(algorithm)
      for (const scheme of schemesOf(algorithm)) {
        for (let round = 0; round < 5; round++) {
          const text = Buffer.from(`message ${round}`)
          const signature = await signer.signHash(hashMessage(scheme.hash, text), scheme)
          verifySignature(signer.publicKey, text, signature, scheme)
        }
      }
    })

    it(`${algorithm}: refuses a hash of another length`, () => {
      assert.throws(
        () =>
          signerOf(algorithm).signHash(new Uint8Array(32), { hash: 'sha512', rsaPadding: 'pss' }),
        { code: 'ERR_CRYPTO_SCHEME' },
      )
    })
  }

  it('signs the bytes as they were when it was called, large and small', async () => {
    for (const algorithm of ['ecdsa-p256', 'ed25519', 'rsa-2048'] as const) {
      for (const length of [300, 100_000]) {
        const signer = signerOf(algorithm)
        const scheme = { hash: 'sha256', rsaPadding: 'pkcs1' } as const
        const bytes = new Uint8Array(length)
        const pending = [signer.sign(bytes, scheme), signer.sign(bytes, scheme)]
        bytes.fill(1)
        for (const signature of await Promise.all(pending)) {
          verifySignature(signer.publicKey, new Uint8Array(length), signature, scheme)
        }
      }
    }
  })

  it('makes the first small signature of a turn at once, with a fast key', async () => {
    const small = new Uint8Array(300)
    const hash = hashMessage('sha256', small)
    for (const algorithm of ['ecdsa-p256', 'ed25519', 'ecdsa-p384', 'rsa-2048'] as const) {
      const { isFast } = ALGORITHMS[algorithm]
      const signer = signerOf(algorithm)
      const scheme = { hash: 'sha256', rsaPadding: 'pkcs1' } as const
      const sign = (bytes: Uint8Array) => () => signer.sign(bytes, scheme)
      assert.deepEqual(
        await madeAtOnce(sign(small), sign(small), sign(small)),
        [isFast, false, false],
        algorithm,
      )
      assert.deepEqual(await madeAtOnce(sign(new Uint8Array(100_000))), [false], algorithm)
    }
    const p256 = signerOf('ecdsa-p256')
    const signHash = () => p256.signHash(hash, { hash: 'sha256' })
    assert.deepEqual(await madeAtOnce(signHash, signHash), [true, false])
  })

  it('P-256 over a hash never uses a nonce twice and never lets the first signature out', async () => {
    const signer = signerOf('ecdsa-p256')
    const hash = hashMessage('sha256', message)
    const nonces = new Set<string>()
    for (let round = 0; round < 200; round++) {
      const signature = await signer.signHash(hash, { hash: 'sha256' })
      verifySignature(signer.publicKey, message, signature, { hash: 'sha256' })
      assert.throws(() => verifySignature(signer.publicKey, hash, signature, { hash: 'sha256' }), {
        code: 'ERR_CRYPTO_SIGNATURE',
      })
      nonces.add(Buffer.from(decodeEcdsaSignature(signature, 32).subarray(0, 32)).toString('hex'))
    }
    assert.equal(nonces.size, 200)
  })

  it('ECDSA signs the hash of all zeros and of all ones', async () => {
    for (const fill of [0x00, 0xff]) {
      const hash = new Uint8Array(64).fill(fill)
      const signature = await signerOf('ecdsa-p256').signHash(hash, { hash: 'sha512' })
      assert.equal(decodeEcdsaSignature(signature, 32).length, 64)
    }
  })

  it('RSA without a padding is refused, for messages and hashes', () => {
    const signer = signerOf('rsa-2048')
    assert.throws(() => signer.sign(message, { hash: 'sha256' }), { code: 'ERR_CRYPTO_SCHEME' })
    assert.throws(() => signer.signHash(hashMessage('sha256', message), { hash: 'sha256' }), {
      code: 'ERR_CRYPTO_SCHEME',
    })
  })

  it('Ed25519 refuses a bare hash', () => {
    assert.throws(() => signerOf('ed25519').signHash(new Uint8Array(32), { hash: 'sha256' }), {
      code: 'ERR_CRYPTO_SCHEME',
    })
  })

  it('PSS over a hash has a fresh salt each time', async () => {
    const hash = hashMessage('sha256', message)
    const scheme: SignatureScheme = { hash: 'sha256', rsaPadding: 'pss' }
    const first = await signerOf('rsa-2048').signHash(hash, scheme)
    assert.notDeepEqual(await signerOf('rsa-2048').signHash(hash, scheme), first)
  })
})

/** Calls one after the other in a turn of its own, and says which results are there before it ends. */
async function madeAtOnce(...calls: readonly (() => Promise<unknown>)[]): Promise<boolean[]> {
  await nextTurn()
  const isMade = calls.map(() => false)
  const pending = calls.map(async (call, index) => {
    await call()
    isMade[index] = true
  })
  for (let job = 0; job < 10; job++) await Promise.resolve()
  const made = [...isMade]
  await Promise.all(pending)
  return made
}

describe('PrivateKey', () => {
  it('survives export and import', async () => {
    for (const algorithm of ['ecdsa-p256', 'ed25519'] as const) {
      const key = await generatePrivateKey(algorithm)
      assert.deepEqual(importPrivateKey(key.exportPkcs8(), 'pkcs8').publicKey, key.publicKey)
    }
  })

  it('does not print its bytes', async () => {
    const key = await generatePrivateKey('ecdsa-p256')
    const signer = new LocalSigner('key', key)
    const holder = { key, signer, list: [key] }
    await signer.signHash(new Uint8Array(32), { hash: 'sha256' })
    const pkcs8 = key.exportPkcs8()
    const scalar = Buffer.from(pkcs8.subarray(36, 68))
    for (const printed of [
      inspect(holder, { depth: 9, showHidden: true }),
      JSON.stringify(holder),
      `${signer.algorithm} ${util.format('%s %o', key, signer)}`,
    ]) {
      assert.ok(!printed.includes(scalar.toString('hex')))
      assert.ok(!printed.includes(scalar.toString('base64').slice(0, 20)))
      assert.ok(!printed.includes([...scalar.subarray(0, 4)].join(', ')))
    }
    assert.equal(inspect(key), 'PrivateKey { ecdsa-p256 }')
    assert.equal(JSON.stringify(key), '{"algorithm":"ecdsa-p256"}')
  })

  it('refuses keys that are none of ours and says what they are', () => {
    const cases: [KeyObject, RegExp][] = [
      [generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, /RSA key of 1024 bits/],
      [generateKeyPairSync('rsa', { modulusLength: 2056 }).privateKey, /RSA key of 2056 bits/],
      [generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey, /with 3/],
      [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, /on secp256k1/],
      [generateKeyPairSync('ed448').privateKey, /type ed448/],
      [generateKeyPairSync('x25519').privateKey, /type x25519/],
    ]
    for (const [key, message] of cases) {
      assert.throws(() => new PrivateKey(key), { code: 'ERR_CRYPTO_KEY', message })
    }
  })

  it('refuses bytes that are no key', () => {
    for (const layout of ['pkcs8', 'sec1', 'pkcs1'] as const) {
      assert.throws(() => importPrivateKey(new Uint8Array(100), layout), { code: 'ERR_CRYPTO_KEY' })
    }
  })
})

describe('verifySignature', () => {
  it('refuses public keys that are none, or none of ours', () => {
    const foreign = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
    for (const publicKey of [
      new Uint8Array(0),
      Buffer.from('-----BEGIN PUBLIC KEY-----'),
      foreign.export({ type: 'spki', format: 'der' }),
    ]) {
      assert.throws(
        () => verifySignature(publicKey, message, new Uint8Array(64), { hash: 'sha256' }),
        {
          code: 'ERR_CRYPTO_KEY',
        },
      )
    }
  })
})
