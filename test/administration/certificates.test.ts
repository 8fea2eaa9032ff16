import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Administration } from '../../src/administration/administration.ts'
import { SIGNATURE_ALGORITHMS } from '../../src/crypto/algorithms.ts'
import type { Caller } from '../../src/policy/caller.ts'
import { component } from '../support/components.ts'
import { assertRefused, outcomeOf, TestAuthority } from './test-authority.ts'

const subject = { commonName: 'Release', organization: 'Acme', country: 'AT' }

let authority: TestAuthority
let admin: Administration
let global: Caller

beforeEach(async () => {
  authority = await TestAuthority.create()
  admin = authority.administration
  global = authority.administrator
})

afterEach(() => authority[Symbol.asyncDispose]())

describe('self-signed certificates', () => {
  it('come with a key of every algorithm, which signs after a restart', async () => {
    for (const algorithm of SIGNATURE_ALGORITHMS) {
      await admin.createSelfSignedX509(global, {
        slug: algorithm,
        name: algorithm,
        algorithm,
        subject,
        validForDays: 10,
      })
    }
    await authority.restart()
    admin = authority.administration
    for (const algorithm of SIGNATURE_ALGORITHMS) {
      const view = admin.getCertificate(global, algorithm)
      const x509 = new X509Certificate(admin.downloadX509Certificate(global, algorithm))
      const publicKey = createPublicKey(admin.downloadPublicKey(global, algorithm))
      assert.ok(x509.verify(publicKey))
      assert.equal(view.type, 'X509')
      assert.equal(view.algorithm, algorithm)
      const spki = publicKey.export({ type: 'spki', format: 'der' })
      assert.equal(view.publicKeyFingerprint, createHash('sha256').update(spki).digest('hex'))
      const data = view.x509CertificateData
      assert.equal(data?.creationMethod, 'SelfSigned')
      assert.equal(data.subject, 'CN=Release,O=Acme,C=AT')
      assert.equal(data.thumbprint, x509.fingerprint.replaceAll(':', '').toLowerCase())
      assert.equal(Date.parse(data.validTo) - Date.parse(data.validFrom), 10 * 86_400_000)
      const signer = authority.services.keyStore.openSigner(view.keyId)
      assert.deepEqual(new Uint8Array(signer.publicKey), new Uint8Array(spki))
    }
  })

  it('say what some verifiers cannot do with the key, and when they are over', async () => {
    const warnings = (slug: string): readonly string[] =>
      admin.getCertificate(global, slug).warnings
    await admin.createSelfSignedX509(global, { slug: 'p256', name: 'x', subject, validForDays: 1 })
    await admin.createSelfSignedX509(global, {
      slug: 'ed',
      name: 'x',
      subject,
      algorithm: 'ed25519',
    })
    assert.deepEqual(warnings('p256'), [])
    assert.ok(warnings('ed').some((warning) => warning.includes('cosign')))
    authority.now += 2 * 86_400_000
    assert.match(warnings('p256').join(), /expired/)
  })

  it('are one change with their key: a refused one leaves no key behind', async () => {
    const keys = (): number | undefined =>
      authority.services.store.reader.get<{ n: number }>('SELECT count(*) AS n FROM software_keys')
        ?.n
    const create = (): Promise<string> =>
      outcomeOf(() => admin.createSelfSignedX509(global, { slug: 'one', name: 'One', subject }))
    // Whose key is made first is the thread pool's choice.
    const outcomes = await Promise.all([create(), create()])
    assert.deepEqual(outcomes.sort(), ['ERR_CATALOG_DUPLICATE', 'ok'])
    assert.equal(keys(), 1)
    const bad = { commonName: 'x'.repeat(65) }
    await assertRefused(
      () => admin.createSelfSignedX509(global, { slug: 'two', name: 'Two', subject: bad }),
      'ERR_X509_SUBJECT',
    )
    assert.equal(keys(), 1)
  })

  it('have no private key in the audit log', async () => {
    await admin.createSelfSignedX509(global, { slug: 'one', name: 'One', subject })
    const sealed = authority.services.store.reader.get<{ key: Uint8Array }>(
      'SELECT sealed_private_key AS key FROM software_keys',
    )
    const event = authority.auditEvents(authority.founded.organizationId).at(-1)
    assert.equal(event?.type, 'Certificate.Created')
    const text = JSON.stringify(event)
    assert.ok(!text.includes(Buffer.from(sealed!.key).toString('base64').slice(20, 60)))
  })
})

const opensslComponent = component('openssl')

describe('certificates of a CA', { skip: opensslComponent.absent }, () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'chancery-ca-'))
    openssl(
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=CA',
    )
  })

  afterEach(() => rmSync(directory, { recursive: true }))

  function openssl(command: string): void {
    execFileSync(opensslComponent.path, command.split(' '), { cwd: directory, stdio: 'pipe' })
  }

  function issue(csrPem: string): Uint8Array {
    writeFileSync(join(directory, 'leaf.csr'), csrPem)
    openssl(
      'x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -out leaf.pem -days 10 -copy_extensions copyall',
    )
    const chain = ['ca.pem', 'leaf.pem'].map((name) => readFileSync(join(directory, name), 'utf8'))
    return new TextEncoder().encode(chain.join(''))
  }

  it('are asked for by a CSR and uploaded with their chain', async () => {
    await admin.createCsrBasedX509(global, { slug: 'release', name: 'Release', subject })
    assert.equal(admin.getCertificate(global, 'release').type, 'KeyPair')
    assert.equal(admin.getCertificate(global, 'release').x509CertificateData, null)
    await assertRefused(
      () => admin.downloadX509Certificate(global, 'release'),
      'ERR_ADMINISTRATION_NO_CERTIFICATE',
    )
    await assertRefused(
      () => admin.downloadX509CertificateChain(global, 'release'),
      'ERR_ADMINISTRATION_NO_CERTIFICATE',
    )
    const bytes = issue(admin.downloadCertificateSigningRequest(global, 'release'))
    await admin.uploadX509Certificate(global, 'release', { fileName: 'chain.pem', bytes })
    const view = admin.getCertificate(global, 'release')
    assert.equal(view.x509CertificateData?.issuer, 'CN=CA')
    assert.equal(view.x509CertificateData.creationMethod, 'Csr')
    assert.equal(view.type, 'X509')
    const chain = admin.downloadX509CertificateChain(global, 'release')
    assert.equal(chain.match(/BEGIN CERTIFICATE/g)?.length, 2)
    assert.match(new X509Certificate(chain).subject, /CN=Release/)
    const event = authority.auditEvents(authority.founded.organizationId).at(-1)
    assert.equal(event?.type, 'Certificate.X509CertificateUploaded')
  })

  it('are refused for another key, and where they are none', async () => {
    await admin.createCsrBasedX509(global, { slug: 'release', name: 'Release', subject })
    await admin.createCsrBasedX509(global, { slug: 'other', name: 'Other', subject })
    const bytes = issue(admin.downloadCertificateSigningRequest(global, 'other'))
    const upload = (content: Uint8Array): Promise<string> =>
      outcomeOf(() =>
        admin.uploadX509Certificate(global, 'release', { fileName: 'x', bytes: content }),
      )
    assert.equal(await upload(bytes), 'ERR_X509_KEY')
    assert.notEqual(await upload(new Uint8Array(0)), 'ok')
    assert.notEqual(await upload(new Uint8Array(1000).fill(0x30)), 'ok')
    assert.equal(admin.getCertificate(global, 'release').version, 1)
  })

  it('are imported with their key from PKCS#12', async () => {
    await admin.createCsrBasedX509(global, { slug: 'release', name: 'Release', subject })
    openssl('req -newkey rsa:2048 -nodes -keyout own.key -out own.csr -subj /CN=Imported')
    writeFileSync(
      join(directory, 'chain.pem'),
      issue(readFileSync(join(directory, 'own.csr'), 'utf8')),
    )
    openssl(
      'pkcs12 -export -inkey own.key -in leaf.pem -certfile ca.pem -out own.pfx -passout pass:secret',
    )
    const upload = {
      fileName: 'own.pfx',
      bytes: new Uint8Array(readFileSync(join(directory, 'own.pfx'))),
    }
    const named = { slug: 'imported', name: 'Imported' }
    for (const wrong of [undefined, '', 'wrong']) {
      const outcome = await outcomeOf(() => admin.importCertificate(global, named, upload, wrong))
      assert.match(outcome, /PASSPHRASE/)
    }
    await admin.importCertificate(global, named, upload, 'secret')
    const view = admin.getCertificate(global, 'imported')
    assert.equal(view.algorithm, 'rsa-2048')
    assert.equal(view.x509CertificateData?.creationMethod, 'PfxImport')
    const event = authority.auditEvents(authority.founded.organizationId).at(-1)
    assert.equal(event?.type, 'Certificate.Imported')
    assert.ok(!JSON.stringify(event).includes('secret'))
    const chain = admin.downloadX509CertificateChain(global, 'imported')
    assert.equal(chain.match(/BEGIN CERTIFICATE/g)?.length, 2)
  })
})

describe('imported keys', () => {
  it('are those of the file, with or without a certificate', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    await admin.importCertificate(
      global,
      { slug: 'key', name: 'Key' },
      { fileName: 'key.pem', bytes: new TextEncoder().encode(pem.toString()) },
      undefined,
    )
    assert.equal(admin.getCertificate(global, 'key').type, 'KeyPair')
    assert.equal(
      admin.downloadPublicKey(global, 'key'),
      publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    )
    await assertRefused(
      () => admin.downloadCertificateSigningRequest(global, 'key'),
      'ERR_ADMINISTRATION_NO_CERTIFICATE',
    )
  })

  it('are not taken from what is no key file', async () => {
    for (const text of [
      '',
      'not a key',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    ]) {
      const bytes = new TextEncoder().encode(text)
      const outcome = await outcomeOf(() =>
        admin.importCertificate(
          global,
          { slug: 'k', name: 'k' },
          { fileName: 'k', bytes },
          undefined,
        ),
      )
      assert.match(outcome, /^ERR_(KEYS|CRYPTO|FORMAT)_/)
    }
    assert.deepEqual(admin.listCertificates(global), [])
  })
})
