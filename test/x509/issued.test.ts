import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SIGNATURE_ALGORITHMS } from '../../src/crypto/algorithms.ts'
import { LocalSigner } from '../../src/crypto/local-signer.ts'
import { generatePrivateKey } from '../../src/crypto/private-key.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { encodePem } from '../../src/format/pem.ts'
import { allowsCodeSigning, parseCertificate } from '../../src/x509/certificate.ts'
import { createCertificateSigningRequest } from '../../src/x509/certificate-signing-request.ts'
import { createSelfSignedCertificate, type SelfSignedRequest } from '../../src/x509/self-signed.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { openssl, opensslComponent } from './openssl.ts'

const request: SelfSignedRequest = {
  subject: {
    commonName: 'Release, "<größe>"',
    organization: 'Acme; Inc',
    organizationalUnit: '#1 ',
    country: 'AT',
  },
  emailAddress: 'release@acme.test',
  serialNumber: new Uint8Array(20).fill(0xff),
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date('2056-01-01T00:00:00Z'),
}

async function createSigner(algorithm: (typeof SIGNATURE_ALGORITHMS)[number]) {
  return new LocalSigner('key', await generatePrivateKey(algorithm))
}

describe('self-signed certificates', () => {
  for (const algorithm of SIGNATURE_ALGORITHMS) {
    it(`${algorithm}: Node reads and verifies it, and so do we`, async () => {
      const signer = await createSigner(algorithm)
      const der = await createSelfSignedCertificate(request, signer)
      const theirs = new X509Certificate(der)
      const ours = parseCertificate(der)
      assert.ok(theirs.verify(theirs.publicKey))
      assert.deepEqual(Buffer.from(ours.publicKey), Buffer.from(signer.publicKey))
      assert.equal(ours.serialNumber, theirs.serialNumber.toLowerCase())
      assert.equal(ours.thumbprint, theirs.fingerprint.replaceAll(':', '').toLowerCase())
      assert.equal(ours.notBefore.toISOString(), '2026-01-01T00:00:00.000Z')
      assert.equal(ours.notAfter.toISOString(), '2056-01-01T00:00:00.000Z')
      assert.equal(ours.subject, 'CN=Release\\, \\"\\<größe\\>\\",OU=\\#1\\ ,O=Acme\\; Inc,C=AT')
      assert.equal(ours.issuer, ours.subject)
      assert.deepEqual(ours.emailAddresses, ['release@acme.test'])
      assert.deepEqual(theirs.keyUsage, ['1.3.6.1.5.5.7.3.3'])
      assert.equal(theirs.ca, false)
      assert.equal(ours.isAuthority, false)
      assert.ok(allowsCodeSigning(ours))
    })
  }

  it('the serial number is positive and 20 bytes long, whatever the random bytes', async () => {
    const signer = await createSigner('ed25519')
    for (const serialNumber of [
      new Uint8Array(20),
      new Uint8Array(20).fill(0xff),
      randomBytes(20),
    ]) {
      const der = await createSelfSignedCertificate({ ...request, serialNumber }, signer)
      assert.match(parseCertificate(der).serialNumber, /^[4-7][0-9a-f]{39}$/)
    }
  })

  it('refuses subjects, addresses and validities that it cannot write', async () => {
    const signer = await createSigner('ed25519')
    const subjects = [
      { commonName: '' },
      { commonName: 'x'.repeat(65) },
      { commonName: 'a\nb' },
      { commonName: '\ud800' },
      { commonName: 'a', organization: '' },
      { commonName: 'a', organizationalUnit: 'x'.repeat(65) },
      { commonName: 'a', country: 'at' },
      { commonName: 'a', country: 'AUT' },
    ]
    for (const subject of subjects) {
      await assert.rejects(createSelfSignedCertificate({ ...request, subject }, signer), {
        code: 'ERR_X509_SUBJECT',
      })
    }
    for (const emailAddress of [
      '',
      'a',
      'a@',
      '@b',
      'a b@c',
      'ü@a',
      '<a@b>',
      'a@b@c',
      `${'a'.repeat(254)}@b`,
    ]) {
      await assert.rejects(createSelfSignedCertificate({ ...request, emailAddress }, signer), {
        code: 'ERR_X509_SUBJECT',
        field: 'emailAddress',
      })
    }
    for (const notAfter of [request.notBefore, new Date(0), new Date(8.64e15), new Date(NaN)]) {
      await assert.rejects(createSelfSignedCertificate({ ...request, notAfter }, signer), {
        code: 'ERR_X509_VALIDITY',
      })
    }
  })
})

describe('OpenSSL', { skip: opensslComponent.absent }, () => {
  for (const algorithm of SIGNATURE_ALGORITHMS) {
    it(`${algorithm}: verifies the self-signed certificate and the request`, async () => {
      await using directory = await createTemporaryDirectory()
      const signer = await createSigner(algorithm)
      const certificate = await createSelfSignedCertificate(request, signer)
      await writeFile(join(directory.path, 'c.pem'), encodePem('CERTIFICATE', certificate))
      const verified = await openssl(
        directory.path,
        'verify -x509_strict -check_ss_sig -CAfile c.pem c.pem',
      )
      assert.equal(verified, 'c.pem: OK\n')
      const text = await openssl(directory.path, 'x509 -in c.pem -noout -text')
      assert.match(text, /Basic Constraints: critical\s+CA:FALSE/)
      assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature\n/)
      assert.match(text, /Extended Key Usage: critical\s+Code Signing\n/)
      assert.match(text, /Subject Key Identifier/)
      assert.match(text, /email:release@acme\.test/)

      const der = await createCertificateSigningRequest(
        request.subject,
        'release@acme.test',
        signer,
      )
      await writeFile(join(directory.path, 'c.csr'), encodePem('CERTIFICATE REQUEST', der))
      const requested = await openssl(directory.path, 'req -in c.csr -verify -noout -text')
      assert.match(requested, /Key Usage: critical\s+Digital Signature\n/)
      assert.match(requested, /Extended Key Usage: critical\s+Code Signing\n/)
      assert.match(requested, /email:release@acme\.test/)
    })
  }
})
