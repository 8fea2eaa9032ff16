import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { encodeDer, encodeOid, encodeSequence } from '../../src/format/der-writer.ts'
import { decodePem, encodePem } from '../../src/format/pem.ts'
import { MAX_CERTIFICATE_FILE_BYTES, readCertificateFile } from '../../src/x509/certificate-file.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { openssl, opensslComponent } from './openssl.ts'
import { encodePkcs7, issue, someSignerInfos, type TestAuthority } from './test-authority.ts'

const pem = (...all: readonly TestAuthority[]): Uint8Array =>
  Buffer.from(all.map(({ certificate }) => encodePem('CERTIFICATE', certificate)).join('# next\n'))

describe('certificate files', () => {
  let root: TestAuthority
  let middle: TestAuthority
  let leaf: TestAuthority
  const read = (bytes: Uint8Array, of = leaf) =>
    readCertificateFile(bytes, of.privateKey.publicKey).map(({ subject }) => subject)

  before(async () => {
    root = await issue('Root', { isAuthority: true, algorithm: 'rsa-2048' })
    middle = await issue('Middle', { issuer: root, isAuthority: true, algorithm: 'ecdsa-p384' })
    leaf = await issue('Leaf', { issuer: middle })
  })

  it('reads PEM in any order into a chain, leaf first', () => {
    const chain = ['CN=Leaf', 'CN=Middle', 'CN=Root']
    for (const order of [
      [leaf, middle, root],
      [root, middle, leaf],
      [middle, leaf, root],
    ]) {
      assert.deepEqual(read(pem(...order)), chain)
    }
    assert.deepEqual(read(pem(leaf)), ['CN=Leaf'])
    assert.deepEqual(read(pem(middle, leaf)), ['CN=Leaf', 'CN=Middle'])
  })

  it('reads DER and PKCS#7 in DER and PEM', () => {
    const pkcs7 = encodePkcs7([root.certificate, leaf.certificate, middle.certificate])
    assert.deepEqual(read(leaf.certificate), ['CN=Leaf'])
    assert.deepEqual(read(pkcs7), ['CN=Leaf', 'CN=Middle', 'CN=Root'])
    assert.deepEqual(read(Buffer.from(encodePem('PKCS7', pkcs7))), read(pkcs7))
  })

  it('reads a self-signed certificate', () => {
    assert.deepEqual(read(pem(root), root), ['CN=Root'])
  })

  it('refuses a file without the certificate of the key', () => {
    assert.throws(() => read(pem(middle, root)), { code: 'ERR_X509_KEY', message: /CN=Middle/ })
  })

  it('refuses two certificates of the key', async () => {
    const renewed = await issue('Leaf', { issuer: root, privateKey: leaf.privateKey })
    assert.throws(() => read(pem(leaf, renewed, middle, root)), { code: 'ERR_X509_KEY' })
  })

  it('refuses strangers, duplicates and gaps', async () => {
    const stranger = await issue('Stranger', { isAuthority: true })
    for (const file of [pem(leaf, stranger), pem(stranger, leaf, middle), pem(leaf, root)]) {
      assert.throws(() => read(file), { code: 'ERR_X509_CHAIN', message: /not part of the chain/ })
    }
    assert.throws(() => read(pem(leaf, middle, leaf)), { code: 'ERR_X509_CHAIN', message: /twice/ })
  })

  it('refuses an issuer that only has the name', async () => {
    const impostor = await issue('Middle', { issuer: root, isAuthority: true })
    assert.throws(() => read(pem(leaf, impostor, root)), {
      code: 'ERR_X509_CHAIN',
      message: /not signed by/,
    })
    assert.throws(() => read(pem(leaf, impostor, middle, root)), {
      code: 'ERR_X509_CHAIN',
      message: /not part of the chain/,
    })
  })

  it('refuses an issuer that is no authority', async () => {
    const ordinary = await issue('Ordinary', { issuer: root })
    const forged = await issue('Forged', { issuer: ordinary })
    assert.throws(() => read(pem(forged, ordinary, root), forged), {
      code: 'ERR_X509_CHAIN',
      message: /not an authority/,
    })
  })

  it('refuses a root whose own signature is another’s', async () => {
    const other = await issue('Root', { isAuthority: true })
    const false_ = await issue('Root', { isAuthority: true, issuer: other })
    assert.throws(() => read(pem(false_), false_), { code: 'ERR_X509_CHAIN' })
  })

  it('ends where two authorities certify each other', async () => {
    const one = await issue('One', { isAuthority: true })
    const two = await issue('Two', { isAuthority: true, issuer: one })
    const again = await issue('One', { isAuthority: true, issuer: two, privateKey: one.privateKey })
    const under = await issue('Under', { issuer: two })
    assert.deepEqual(read(pem(under, again, two), under), ['CN=Under', 'CN=Two', 'CN=One'])
  })

  it('refuses what is no certificate file', () => {
    const otherContent = encodeSequence(encodeOid('1.2.840.113549.1.7.1'))
    for (const bytes of [
      new Uint8Array(0),
      Buffer.from('hello'),
      Buffer.from(encodePem('PRIVATE KEY', new Uint8Array(3))),
      encodePkcs7([]),
      encodePkcs7([leaf.certificate], someSignerInfos),
      encodeSequence(encodeOid('1.2.840.113549.1.7.2')),
      otherContent,
      leaf.certificate.subarray(0, -1),
      new Uint8Array(MAX_CERTIFICATE_FILE_BYTES + 1),
      pem(...Array.from({ length: 21 }, () => leaf)),
    ]) {
      assert.throws(() => read(bytes), { code: 'ERR_X509_FILE' })
    }
    for (const bytes of [
      encodeSequence(encodeSequence()),
      encodeDer(0x30, new Uint8Array([0x30])),
      pem({ ...leaf, certificate: leaf.certificate.subarray(0, -1) }),
    ]) {
      assert.throws(() => read(bytes), { code: 'ERR_X509_CERTIFICATE' })
    }
    assert.throws(() => read(Buffer.from('-----BEGIN CERTIFICATE-----')), {
      code: 'ERR_FORMAT_PEM',
    })
  })

  it('answers every damaged file with one of our errors, and never takes a changed leaf', () => {
    const files = [
      leaf.certificate,
      encodePkcs7([root.certificate, leaf.certificate, middle.certificate]),
      pem(leaf, middle, root),
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        fc.nat({ max: 3 }),
        (file, at, value, how) => {
          const index = at % file.length
          const damaged =
            how === 0
              ? file.subarray(0, index)
              : how === 1
                ? Buffer.concat([
                    file.subarray(0, index),
                    new Uint8Array([value]),
                    file.subarray(index),
                  ])
                : Uint8Array.from(file)
          if (how > 1) damaged[index] = value
          const started = performance.now()
          try {
            read(damaged)
          } catch (thrown) {
            assert.ok(thrown instanceof ChanceryError, String(thrown))
          }
          assert.ok(performance.now() - started < 30_000)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('OpenSSL certificate files', { skip: opensslComponent.absent }, () => {
  it('its own authority, PKCS#7 and renewed requests are read', async () => {
    await using directory = await createTemporaryDirectory()
    const { path } = directory
    await openssl(
      path,
      'req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /O=Acme/CN=CA',
    )
    await openssl(path, 'ecparam -genkey -name prime256v1 -noout -out leaf.key')
    await openssl(path, 'req -new -key leaf.key -out leaf.csr -subj /O=Acme/CN=Leaf')
    await writeFile(
      join(path, 'ext'),
      'extendedKeyUsage=codeSigning\nsubjectAltName=email:a@b.test,URI:https://b.test/x,DNS:b.test\n',
    )
    await openssl(
      path,
      'x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 5 -extfile ext -out leaf.pem',
    )
    await openssl(path, 'crl2pkcs7 -nocrl -certfile ca.pem -certfile leaf.pem -out a.p7b')
    await openssl(
      path,
      'crl2pkcs7 -nocrl -certfile ca.pem -certfile leaf.pem -outform DER -out b.p7b',
    )
    const publicKey = await openssl(path, 'pkey -in leaf.key -pubout')
    const spki = decodePem(publicKey)[0]!.bytes
    for (const name of ['a.p7b', 'b.p7b']) {
      const chain = readCertificateFile(await readFile(join(path, name)), spki)
      assert.deepEqual(
        chain.map(({ subject }) => subject),
        ['CN=Leaf,O=Acme', 'CN=CA,O=Acme'],
      )
      assert.deepEqual(chain[0]?.emailAddresses, ['a@b.test'])
      assert.deepEqual(chain[0].uris, ['https://b.test/x'])
      assert.deepEqual(chain[0].dnsNames, ['b.test'])
      assert.equal(chain[1]?.isAuthority, true)
    }
    const verified = await openssl(path, 'verify -CAfile ca.pem leaf.pem')
    assert.equal(verified, 'leaf.pem: OK\n')
  })
})
