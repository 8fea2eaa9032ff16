import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { encodePem } from '../format/pem.ts'
import { readPublicKeyFile } from './public-key-file.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsaSpki = rsa.publicKey.export({ type: 'spki', format: 'der' })
const ecSpki = ec.publicKey.export({ type: 'spki', format: 'der' })

function read(content: string | Uint8Array): Uint8Array {
  return readPublicKeyFile(
    typeof content === 'string' ? new TextEncoder().encode(content) : content,
  )
}

describe('readPublicKeyFile', () => {
  it('reads PEM and DER public keys, PKCS #1 included', () => {
    assert.deepEqual(Buffer.from(read(encodePem('PUBLIC KEY', ecSpki))), ecSpki)
    assert.deepEqual(Buffer.from(read(ecSpki)), ecSpki)
    const pkcs1 = rsa.publicKey.export({ type: 'pkcs1', format: 'pem' })
    assert.deepEqual(Buffer.from(read(pkcs1.toString())), rsaSpki)
  })

  it('refuses private keys, other things and several keys', () => {
    const one = encodePem('PUBLIC KEY', ecSpki)
    for (const content of [
      ec.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      '',
      'hello',
      one + one,
      encodePem('X509 CRL', ecSpki),
      encodePem('PUBLIC KEY', ecSpki.subarray(1)),
      encodePem('CERTIFICATE', ecSpki),
      ecSpki.subarray(0, 20),
      new Uint8Array(300_000),
    ]) {
      assert.throws(() => read(content), { code: 'ERR_VERIFY_KEY' })
    }
  })

  it('refuses kinds of keys that nobody signs images with', () => {
    const x25519 = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' })
    assert.throws(() => read(x25519.toString()), { code: 'ERR_VERIFY_KEY' })
  })
})
