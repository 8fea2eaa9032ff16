import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { parseTrustedRoot, type TrustedLog } from '../../src/format/trusted-root.ts'
import { encodeTrustedRoot } from '../../src/format/trusted-root-writer.ts'
import { loadTrustedRoot } from '../../src/verify/trusted-root.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { createOwnAuthority, OWN_IDENTITY } from '../support/own-authority.ts'
import { startReferrersRegistry } from '../support/registries.ts'
import { openWorkshop } from '../support/workshop.ts'

const openssl = component('openssl')
const cosign = component('cosign-3')

/** A workshop with an authority of its own. */
async function prepare() {
  const workshop = await openWorkshop()
  return {
    ...workshop,
    authority: await createOwnAuthority(workshop.directory),
    create: (...args: readonly string[]) => workshop.chancery(['trusted-root', 'create', ...args]),
  }
}

const START = 'start-time=2025-01-01T00:00:00Z'

describe('chancery trusted-root create', { skip: openssl.absent }, () => {
  it('makes a document that reads back as it was made', async () => {
    await using flow = await prepare()
    const made = await flow.create(
      ...['--certificate-chain', 'chain.pem', '--ca-uri', 'https://ca.acme.test'],
      ...['--fulcio', 'url=https://old.acme.test,certificate-chain=root.pem,' + START],
      ...['--rekor', `url=https://rekor.acme.test,public-key=certificate.pub,${START}`],
      ...['--ctfe', `url=https://ct.acme.test,public-key=certificate.pub,${START}`],
      ...['--tsa', 'url=https://tsa.acme.test,certificate-chain=chain.pem'],
    )
    assert.equal(made.code, 0, made.stderr)
    const document = parseTrustedRoot(made.stdoutBytes)
    loadTrustedRoot(made.stdoutBytes)
    assert.deepEqual(parseTrustedRoot(encodeTrustedRoot(document)), document)
    const [own, old] = document.certificateAuthorities
    assert.deepEqual([own?.uri, own?.certificates.length], ['https://ca.acme.test', 2])
    assert.deepEqual(own?.validFor.end, undefined)
    const age = Date.now() - (own?.validFor.start?.getTime() ?? 0)
    assert.ok(age >= 0 && age < 10 * 60_000, 'from the root certificate, which is new')
    assert.deepEqual(old?.validFor.start, new Date('2025-01-01T00:00:00Z'))
    assert.equal(document.timestampAuthorities.length, 1)
    assert.equal(document.certificateLogs.length, 1)
    assert.equal(document.logs[0]?.keyDetails, 'PKIX_ECDSA_P256_SHA_256')
  })

  it('refuses signers as authorities, broken chains and roots that are not last', async () => {
    await using flow = await prepare()
    const { root, intermediate, certificate, privateKey } = flow.authority
    const [rootPem, intermediatePem, leafPem, keyPem] = await Promise.all(
      [root, intermediate, certificate, privateKey].map((file) => readFile(file, 'utf8')),
    )
    const files: readonly (readonly [string, string, RegExp])[] = [
      ['leaf first', `${leafPem}${intermediatePem}${rootPem}`, /expected authorities only/],
      ['leaf alone', leafPem!, /expected a root at the end/],
      ['no root', intermediatePem!, /expected a root at the end/],
      ['root first', `${rootPem}${intermediatePem}`, /expected the root last/],
      ['twice', `${intermediatePem}${rootPem}${rootPem}`, /is there twice/],
      ['a key', `${keyPem}${rootPem}`, /expected CERTIFICATE or PKCS7 blocks/],
      ['nothing', '', /expected a certificate/],
    ]
    for (const [what, pem, reason] of files) {
      await writeFile(flow.path('bad.pem'), pem)
      const refused = await flow.create('--certificate-chain', 'bad.pem', '--out', 'bad.json')
      assert.notEqual(refused.code, 0, what)
      assert.match(refused.stderr, reason)
      assert.ok(!refused.stderr.includes(keyPem!.split('\n')[1]!))
      await assert.rejects(readFile(flow.path('bad.json')), { code: 'ENOENT' })
    }
    const leafRoot = await flow.create('--tsa', 'url=https://t.test,certificate-chain=bad.pem')
    assert.notEqual(leafRoot.code, 0)
    await writeFile(flow.path('bad.pem'), `${leafPem}${intermediatePem}${rootPem}`)
    const signer = await flow.create('--tsa', 'url=https://t.test,certificate-chain=bad.pem')
    assert.match(signer.stderr, /which is not for timestamping/)
  })

  it('refuses services that are not described, and keys that are private', async () => {
    await using flow = await prepare()
    const wrong: readonly (readonly string[])[] = [
      [],
      ['--ca-uri', 'https://ca.acme.test'],
      ['--certificate-chain', 'chain.pem', '--ca-uri', 'https://me:secret@ca.acme.test'],
      ['--certificate-chain', 'chain.pem', '--ca-uri', 'file:///etc/passwd'],
      ['--fulcio', 'certificate-chain=chain.pem'],
      ['--fulcio', 'url=https://a.test,certificate-chain=chain.pem,other=1'],
      ['--fulcio', 'url=https://a.test,url=https://b.test,certificate-chain=chain.pem'],
      ['--rekor', 'url=https://a.test,public-key=certificate.pub'],
      ['--rekor', 'url=https://a.test,public-key=certificate.pub,start-time=2025-02-31T00:00:00Z'],
      [
        '--rekor',
        `url=https://a.test,public-key=certificate.pub,${START},end-time=2024-01-01T00:00:00Z`,
      ],
      ['--rekor', `url=https://a.test,public-key=certificate.key,${START}`],
      ['--certificate-chain', 'chain.pem', '--out', './chain.pem', '--yes'],
    ]
    for (const args of wrong) {
      const { code, stdout, stderr } = await flow.create(...args)
      assert.deepEqual([code, stdout], [2, ''], `${args.join(' ')}: ${stderr}`)
      assert.ok(!stderr.includes('secret'), stderr)
    }
    // The same log twice would make the document one that nobody reads.
    const log = `url=https://a.test,public-key=certificate.pub,${START}`
    assert.equal((await flow.create('--rekor', log, '--rekor', log)).code, 2)
  })

  it('replaces no file unless it is told to', async () => {
    await using flow = await prepare()
    await writeFile(flow.path('root.json'), 'mine')
    const args = ['--certificate-chain', 'chain.pem', '--out', 'root.json']
    const refused = await flow.create(...args)
    assert.equal(refused.code, 5, refused.stderr)
    assert.equal(await readFile(flow.path('root.json'), 'utf8'), 'mine')
    assert.equal((await flow.create(...args, '--yes')).code, 0)
    loadTrustedRoot(await readFile(flow.path('root.json')))
  })

  it(
    'has to hold the authority between the root and the signer, which a bundle does not',
    { skip: cosign.absent },
    async () => {
      await using flow = await prepare()
      await writeFile(flow.path('artifact'), 'an artifact')
      const signed = await flow.chancery([
        ...['sign-blob', 'artifact', '--key', 'certificate.key', '--bundle', 'bundle.json'],
        ...['--certificate', 'certificate.pem', '--certificate-chain', 'chain.pem'],
      ])
      assert.equal(signed.code, 0, signed.stderr)
      const { verificationMaterial } = JSON.parse(
        await readFile(flow.path('bundle.json'), 'utf8'),
      ) as { verificationMaterial: object }
      assert.ok('certificate' in verificationMaterial)
      assert.ok(!('x509CertificateChain' in verificationMaterial))
      const verifyWith = async (chain: string) => {
        const made = await flow.create('--certificate-chain', chain, '--out', `${chain}.json`)
        assert.equal(made.code, 0, made.stderr)
        const verify = ['verify-blob', 'artifact', '--bundle', 'bundle.json']
        const trust = ['--trusted-root', `${chain}.json`, '--certificate-identity', OWN_IDENTITY]
        const unlogged = ['--insecure-ignore-tlog=true', '--insecure-ignore-sct']
        const common = [...verify, ...trust, ...unlogged]
        const [ours, theirs] = await Promise.all([
          flow.chancery([...common, '--certificate-oidc-issuer-pattern', '*']),
          flow.run(cosign, ...common, '--certificate-oidc-issuer-regexp', '.*'),
        ])
        return { ours, theirs }
      }
      const whole = await verifyWith('chain.pem')
      assert.equal(whole.ours.code, 0, whole.ours.stderr)
      assert.equal(whole.theirs.code, 0, whole.theirs.stderr)
      const rootOnly = await verifyWith('root.pem')
      assert.equal(rootOnly.ours.code, 1, rootOnly.ours.stderr)
      assert.match(rootOnly.ours.stderr, /hint: There is no certificate of the issuer\./)
      assert.notEqual(rootOnly.theirs.code, 0)
    },
  )

  it('is what cosign 3 makes of the same flags', { skip: cosign.absent }, async () => {
    await using flow = await prepare()
    const ssl = (...args: readonly string[]) => flow.must(openssl, ...args)
    await ssl('genpkey', '-algorithm', 'ed25519', '-out', 'ed.key')
    await ssl('pkey', '-in', 'ed.key', '-pubout', '-out', 'ed.pub')
    await ssl('genpkey', '-algorithm', 'rsa', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'r.key')
    await ssl('pkey', '-in', 'r.key', '-pubout', '-out', 'rsa.pub')
    await ssl('req', '-new', '-key', 'r.key', '-subj', '/CN=tsa', '-out', 'tsa.csr')
    const usage = 'extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n'
    await writeFile(flow.path('tsa.ext'), usage)
    const issuer = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '2']
    const leaf = ['-in', 'tsa.csr', '-extfile', 'tsa.ext', '-out', 'tsa.pem']
    await ssl('x509', '-req', ...leaf, ...issuer)
    const [signer, root] = await Promise.all(
      ['tsa.pem', 'root.pem'].map((name) => readFile(flow.path(name), 'utf8')),
    )
    await writeFile(flow.path('tsa-chain.pem'), `${signer}${root}`)
    const log = (host: string, key: string, ...more: readonly string[]) =>
      [`url=https://${host}.acme.test/log`, `public-key=${key}`, START, ...more].join(',')
    const args = [
      ...['--fulcio', `url=https://ca.acme.test,certificate-chain=chain.pem,${START}`],
      ...['--rekor', log('r1', 'certificate.pub', 'end-time=2026-01-01T00:00:00Z')],
      ...['--rekor', log('r2', 'ed.pub', 'origin=r2.acme.test/log')],
      ...['--rekor', log('r3', 'rsa.pub', 'origin=r3.acme.test')],
      ...['--ctfe', log('ct', 'certificate.pub'), '--ctfe', log('ct2', 'ed.pub')],
      ...['--tsa', `url=https://tsa.acme.test/api,certificate-chain=tsa-chain.pem,${START}`],
    ]
    const theirs = await flow.run(cosign, 'trusted-root', 'create', ...args, '--out', 'theirs.json')
    assert.equal(theirs.code, 0, theirs.stderr)
    const ours = await flow.create(...args)
    assert.equal(ours.code, 0, ours.stderr)
    // Cosign has no order for its logs.
    const inOrder = (logs: readonly TrustedLog[]) =>
      [...logs].sort((one, other) => (one.baseUrl < other.baseUrl ? -1 : 1))
    const read = (bytes: Uint8Array) => {
      const { logs, certificateLogs, ...others } = parseTrustedRoot(bytes)
      return { ...others, logs: inOrder(logs), certificateLogs: inOrder(certificateLogs) }
    }
    assert.deepEqual(read(ours.stdoutBytes), read(await readFile(flow.path('theirs.json'))))
    for (const wrong of ['origin=', 'origin=a b', 'origin=a+b']) {
      assert.equal((await flow.create('--rekor', log('r2', 'ed.pub', wrong))).code, 2, wrong)
    }
    const chain = 'url=https://a.test,certificate-chain=chain.pem,origin=a'
    assert.equal((await flow.create('--fulcio', chain)).code, 2)
  })

  it(
    'is what cosign 3 verifies the bundle of a certificate with',
    { skip: anyAbsent(cosign, component('referrers-registry')) },
    async () => {
      await using flow = await prepare()
      await using registry = await startReferrersRegistry()
      const { byDigest } = await pushTestImage(`${registry.host}/team/app:1`)
      const made = await flow.create('--certificate-chain', 'chain.pem', '--out', 'made.json')
      assert.equal(made.code, 0, made.stderr)
      const certified = ['--certificate', 'certificate.pem', '--certificate-chain', 'chain.pem']
      const signed = await flow.chancery([
        ...['sign', '--key', 'certificate.key', ...certified],
        ...['--signature-format', 'bundle', byDigest],
      ])
      assert.equal(signed.code, 0, signed.stderr)
      const verify = ['verify', '--trusted-root', 'made.json', '--insecure-ignore-tlog=true']
      const identity = ['--insecure-ignore-sct', '--certificate-identity', OWN_IDENTITY]
      const theirs = await flow.run(
        cosign,
        ...[...verify, ...identity, '--certificate-oidc-issuer-regexp', '.*', byDigest],
      )
      assert.equal(theirs.code, 0, theirs.stderr)
      const ours = await flow.chancery([
        ...verify,
        ...identity,
        '--certificate-oidc-issuer-pattern',
        '*',
        byDigest,
      ])
      assert.equal(ours.code, 0, ours.stderr)
      // Of another authority with the same names: nobody accepts it.
      await using stranger = await prepare()
      await stranger.create('--certificate-chain', 'chain.pem', '--out', 'made.json')
      await writeFile(flow.path('made.json'), await readFile(stranger.path('made.json')))
      const other = await flow.run(
        cosign,
        ...[...verify, ...identity, '--certificate-oidc-issuer-regexp', '.*', byDigest],
      )
      assert.notEqual(other.code, 0)
    },
  )
})
