import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import { encodeSimpleSigning } from '../format/simple-signing.ts'
import { decodeSignature, verifySimpleSigningSignature } from './simple-signing-signature.ts'

const digest = `sha256:${'ab'.repeat(32)}`
const dockerReference = 'registry.acme.test/team/app'
const payload = encodeSimpleSigning({
  dockerReference,
  manifestDigest: digest,
  annotations: { env: 'prod' },
})
const expected = { digest, repositories: [dockerReference] }

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: Uint8Array
}

function pairOf({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Pair {
  return { privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }) }
}

const p256 = pairOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const p384 = pairOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }))
const p521 = pairOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }))
const rsa = pairOf(generateKeyPairSync('rsa', { modulusLength: 2048 }))
const ed25519 = pairOf(generateKeyPairSync('ed25519'))

function signBy({ privateKey }: Pair, hash: string | null = 'sha256', message = payload): string {
  return sign(hash, message, privateKey).toString('base64')
}

function verify(
  changes: object,
  expectations: object = {},
): ReturnType<typeof verifySimpleSigningSignature> {
  const signature = { payload, signature: signBy(p256), publicKey: p256.publicKey, ...changes }
  return verifySimpleSigningSignature(signature, { ...expected, ...expectations })
}

describe('verifySimpleSigningSignature', () => {
  it('accepts each kind of key with the hashes that signers use with it', () => {
    for (const [pair, hash, scheme] of [
      [p256, 'sha256', { hash: 'sha256' }],
      [p384, 'sha256', { hash: 'sha256' }],
      [p384, 'sha384', { hash: 'sha384' }],
      [p521, 'sha256', { hash: 'sha256' }],
      [p521, 'sha512', { hash: 'sha512' }],
      [rsa, 'sha256', { hash: 'sha256', rsaPadding: 'pkcs1' }],
      [ed25519, null, { hash: 'sha256' }],
    ] as const) {
      const { publicKey } = pair
      const found = verify({ publicKey, signature: signBy(pair, hash) })
      assert.deepEqual(found.scheme, scheme)
      assert.equal(found.payload.manifestDigest, digest)
    }
  })

  it('refuses the hashes and paddings that they do not use', () => {
    for (const [pair, hash] of [
      [p256, 'sha384'],
      [p384, 'sha512'],
      [rsa, 'sha512'],
    ] as const) {
      const changes = { publicKey: pair.publicKey, signature: signBy(pair, hash) }
      assert.throws(() => verify(changes), { code: 'ERR_VERIFY_SIGNATURE' })
    }
    const padding = constants.RSA_PKCS1_PSS_PADDING
    const pss = sign('sha256', payload, { key: rsa.privateKey, padding }).toString('base64')
    assert.throws(() => verify({ publicKey: rsa.publicKey, signature: pss }), {
      code: 'ERR_VERIFY_SIGNATURE',
    })
  })

  it('refuses another key, and a payload with any byte changed', () => {
    assert.throws(() => verify({ publicKey: p384.publicKey }), { code: 'ERR_VERIFY_SIGNATURE' })
    const signature = signBy(p256)
    for (let at = 0; at < payload.length; at++) {
      const changed = payload.map((byte, index) => (index === at ? byte ^ 1 : byte))
      assert.throws(() => verify({ payload: changed, signature }), { code: 'ERR_VERIFY_SIGNATURE' })
    }
    const longer = Buffer.concat([payload, Buffer.from('\n')])
    assert.throws(() => verify({ payload: longer, signature }), { code: 'ERR_VERIFY_SIGNATURE' })
  })

  it('refuses what is signed but no metadata file', () => {
    for (const text of ['', '{}', 'hello', JSON.stringify({ critical: {}, optional: null })]) {
      const other = new TextEncoder().encode(text)
      const signature = signBy(p256, 'sha256', other)
      assert.throws(() => verify({ payload: other, signature }), { code: 'ERR_VERIFY_PAYLOAD' })
    }
  })

  it('refuses another digest and another repository', () => {
    assert.throws(() => verify({}, { digest: `sha256:${'cd'.repeat(32)}` }), {
      code: 'ERR_VERIFY_DIGEST',
    })
    for (const repository of [
      'registry.acme.test/team/app2',
      'registry.acme.test/team',
      'registry.acme.test:5000/team/app',
      'team/app',
    ]) {
      assert.throws(() => verify({}, { repositories: [repository] }), {
        code: 'ERR_VERIFY_IDENTITY',
      })
    }
    assert.throws(() => verify({}, { repositories: [] }), { code: 'ERR_VERIFY_IDENTITY' })
    verify({}, { repositories: ['team/app', 'REGISTRY.acme.test/team/app'] })
    verify({}, { repositories: 'any' })
  })

  it("knows Docker Hub's names for one repository, and ignores the tag of a signed reference", () => {
    for (const [reference, repository] of [
      ['index.docker.io/library/alpine', 'alpine'],
      ['docker.io/library/alpine', 'index.docker.io/library/alpine'],
      ['registry.acme.test/team/app:1.0', dockerReference],
    ] as const) {
      const other = encodeSimpleSigning({ dockerReference: reference, manifestDigest: digest })
      const signature = signBy(p256, 'sha256', other)
      verify({ payload: other, signature }, { repositories: [repository] })
    }
  })

  it('wants the annotations that are asked for, each with its value', () => {
    verify({}, { annotations: { env: 'prod' } })
    for (const annotations of [{ env: 'test' }, { env: '' }, { team: 'a' }, { toString: '' }]) {
      assert.throws(() => verify({}, { annotations }), { code: 'ERR_VERIFY_ANNOTATION' })
    }
  })
})

describe('decodeSignature', () => {
  it('ignores how the base64 is broken into lines, and nothing else', () => {
    assert.deepEqual([...decodeSignature('AQ\r\nID\n')], [1, 2, 3])
    for (const text of ['', '\n', 'AQI', 'AQI=AA', 'AQ-_', 'AQID\u00a0', 'AR==']) {
      assert.throws(() => decodeSignature(text), { code: 'ERR_VERIFY_SIGNATURE_TEXT' }, text)
    }
  })
})
