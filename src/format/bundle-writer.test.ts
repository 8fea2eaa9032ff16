import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeBundle, publicKeyHint } from './bundle-writer.ts'
import { parseBundle } from './bundle.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 300 })

describe('encodeBundle', () => {
  it('has the members of Cosign 3 in its order, and no key id', () => {
    const bundle = encodeBundle(
      { kind: 'publicKey', hint: publicKeyHint(new Uint8Array(32)) },
      { kind: 'statement', payload: Uint8Array.of(0x7b, 0x7d), signature: Uint8Array.of(1, 2, 3) },
    )
    assert.equal(
      text(bundle),
      '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",' +
        '"verificationMaterial":{"publicKey":{"hint":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},' +
        '"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AQID"}]}}',
    )
  })

  it('is read back as it was written, with a key and with a certificate', () => {
    fc.assert(
      fc.property(someBytes, someBytes, someBytes, (payload, signature, certificate) => {
        const content = { kind: 'statement', payload, signature } as const
        const withKey = parseBundle(encodeBundle({ kind: 'publicKey', hint: 'a' }, content))
        assert.equal(withKey.version, '0.3')
        assert.deepEqual(withKey.signer, { kind: 'publicKey', hint: 'a' })
        assert.ok(withKey.content.kind === 'envelope')
        assert.deepEqual(plain(withKey.content.payload), plain(payload))
        assert.deepEqual(plain(withKey.content.signature), plain(signature))
        assert.equal(withKey.content.payloadType, 'application/vnd.in-toto+json')
        const signer = { kind: 'certificate', certificate } as const
        const withCertificate = parseBundle(encodeBundle(signer, content)).signer
        assert.ok(withCertificate.kind === 'certificate')
        assert.deepEqual(plain(withCertificate.certificate), plain(certificate))
        assert.deepEqual(withCertificate.intermediates, [])
      }),
    )
  })

  it('of an artifact names its hash', () => {
    const hash = new Uint8Array(48).fill(7)
    const digest = { algorithm: 'sha384', hash } as const
    const content = { kind: 'artifact', digest, signature: Uint8Array.of(1) } as const
    const { content: read } = parseBundle(encodeBundle({ kind: 'publicKey', hint: 'a' }, content))
    assert.ok(read.kind === 'message')
    assert.equal(read.digest?.algorithm, 'sha384')
    assert.deepEqual(plain(read.digest.hash), plain(hash))
  })
})

function plain(bytes: Uint8Array): readonly number[] {
  return [...bytes]
}
