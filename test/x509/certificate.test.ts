import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { contextTag, DER_TAG, readDerSequence } from '../../src/format/der-reader.ts'
import { encodeDer, encodeNull, encodeOid, encodeSequence } from '../../src/format/der-writer.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { encodeExtension, issueCertificate, utf8 } from '../verify/test-certificates.ts'

const { certificate } = issueCertificate('Somebody')

/** The three parts of the certificate, as they are encoded. */
function parts(): [body: Uint8Array, algorithm: Uint8Array, signature: Uint8Array] {
  const reader = readDerSequence(certificate)
  const body = reader.readEncoded(DER_TAG.sequence)
  return [body, reader.readEncoded(DER_TAG.sequence), reader.readEncoded(DER_TAG.bitString)]
}

describe('parseCertificate', () => {
  it('reads a certificate of 64 KiB, and none that is larger', () => {
    const ofSize = (size: number): Uint8Array =>
      issueCertificate('Somebody', {
        extensions: [encodeExtension('1.2.3.4', new Uint8Array(size))],
      }).certificate
    assert.equal(parseCertificate(ofSize(60 * 1024)).subject, 'CN=Somebody')
    assert.throws(() => parseCertificate(ofSize(64 * 1024)), {
      code: 'ERR_X509_CERTIFICATE',
      message: 'expected an X.509 certificate: it is longer than 65536 bytes',
    })
  })

  it('refuses one that names two signature algorithms', () => {
    const [body, , signature] = parts()
    const other = encodeSequence(encodeOid('1.2.840.10045.4.3.3'))
    assert.throws(() => parseCertificate(encodeSequence(body, other, signature)), {
      code: 'ERR_X509_CERTIFICATE',
      message: 'expected an X.509 certificate: it names two signature algorithms',
    })
  })

  // RFC 5280, 4.2.1.6: they are of the type IA5String. Other programs could read another name than ours.
  it('refuses a name of its subject that is not ASCII', () => {
    for (const tag of [1, 2, 6]) {
      const named = (name: Uint8Array): Uint8Array => {
        const names = encodeSequence(encodeDer(contextTag(tag, 'primitive'), name))
        return issueCertificate('Somebody', { extensions: [encodeExtension('2.5.29.17', names)] })
          .certificate
      }
      const { emailAddresses, dnsNames, uris } = parseCertificate(named(utf8('a.example')))
      assert.deepEqual([...emailAddresses, ...dnsNames, ...uris], ['a.example'])
      assert.throws(() => parseCertificate(named(utf8('ä.example'))), {
        code: 'ERR_X509_CERTIFICATE',
        message: 'expected an X.509 certificate: an alternative name has a byte that is not ASCII',
      })
    }
  })

  it('refuses whatever stands behind its parts', () => {
    const [body, algorithm, signature] = parts()
    assert.ok(parseCertificate(encodeSequence(body, algorithm, signature)))
    for (const der of [
      encodeSequence(body, algorithm, signature, encodeNull()),
      encodeSequence(body, algorithm),
      Buffer.concat([certificate, utf8('x')]),
      certificate.subarray(0, -1),
    ]) {
      assert.throws(() => parseCertificate(der), {
        code: 'ERR_X509_CERTIFICATE',
        message: /^expected an X\.509 certificate: /,
      })
    }
  })
})
