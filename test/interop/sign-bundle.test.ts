import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { encodeImageStatement } from '../../src/format/image-statement.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import type { Finished } from '../support/child-process.ts'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { startConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { realRegistries, startDockerRegistry, type RunningRegistry } from '../support/registries.ts'
import { openWorkshop } from '../support/workshop.ts'
import { issueCertificate } from '../verify/test-certificates.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
  - slug: release
    name: Release
    algorithm: rsa-3072
    subject: { commonName: Release, emailAddress: release@acme.test }
projects:
  - slug: app
    name: App
    signingPolicies:
      - slug: release
        name: Release
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
`
const EMAIL = 'release@acme.test'
const cosign2 = component('cosign-2')
const cosign3 = component('cosign-3')

interface BundleJson {
  dsseEnvelope: { payload: string; signatures: { sig: string }[] }
}

/** A registry, and a workshop beside it. */
async function prepare(start: () => Promise<RunningRegistry>) {
  const registry = await start()
  const workshop = await openWorkshop()
  return {
    ...workshop,
    host: registry.host,
    cosign: (program: Component, ...args: readonly string[]): Promise<Finished> =>
      workshop.run(
        program,
        ...['verify', '--insecure-ignore-tlog=true', '--insecure-ignore-sct=true', ...args],
      ),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await workshop[Symbol.asyncDispose]()
    },
  }
}

async function succeed(running: Promise<Finished>): Promise<Finished> {
  const finished = await running
  assert.equal(finished.code, 0, finished.stderr)
  return finished
}

async function fail(running: Promise<Finished>, message: RegExp): Promise<void> {
  const finished = await running
  assert.notEqual(finished.code, 0, finished.stdout)
  assert.match(finished.stderr, message)
}

async function publish(image: PushedImage, bundle: Uint8Array): Promise<void> {
  using client = new RegistryClient()
  const { registry, repository } = parseReference(image.byDigest)
  await publishBundle(
    client,
    { repository: { registry, repository }, digest: image.digest },
    { bytes: bundle, predicateType: 'https://sigstore.dev/cosign/sign/v1', createdAt: new Date() },
  )
}

for (const [registryComponent, start] of realRegistries) {
  const skip = anyAbsent(registryComponent, cosign3)
  describe(`a bundle of chancery sign on ${registryComponent.name}`, { skip }, () => {
    it('verifies with cosign 3 for its image and its key, and for nothing else', async () => {
      await using flow = await prepare(start)
      await flow.chancery(['generate-key-pair'])
      await flow.chancery(['generate-key-pair', '--output-key-prefix', 'other'])
      const image = await pushTestImage(`${flow.host}/team/app:1`)
      const sign = ['sign', '--key', 'cosign.key', '-a', 'env=prod', '--bundle', 'b.json']
      const only = [...sign, '--signature-format', 'bundle', image.byDigest, '--json']
      const signed = await succeed(flow.chancery(only))
      assert.match(signed.stdout, /"format": "bundle",\s+"outcome": "attached"/)
      const key = ['--key', 'cosign.pub']
      await succeed(flow.cosign(cosign3, ...key, '-a', 'env=prod', image.byDigest))
      await fail(flow.cosign(cosign3, ...key, '-a', 'env=test', image.byDigest), /annotation/)
      await fail(flow.cosign(cosign3, '--key', 'other.pub', image.byDigest), /threshold|verify/)
      const legacy = [...key, '--new-bundle-format=false', image.byDigest]
      await fail(flow.cosign(cosign3, ...legacy), /no signatures found/)

      const bytes = await readFile(flow.path('b.json'))
      const bundle = JSON.parse(bytes.toString()) as BundleJson
      const foreign = await pushTestImage(`${flow.host}/team/app:2`)
      await publish(foreign, bytes)
      await fail(flow.cosign(cosign3, ...key, foreign.byDigest), /digest|subject/)
      const changed = encodeImageStatement({
        name: `${flow.host}/team/app`,
        manifestDigest: foreign.digest,
        annotations: { env: 'prod' },
      })
      bundle.dsseEnvelope.payload = Buffer.from(changed).toString('base64')
      const third = await pushTestImage(`${flow.host}/team/app:3`)
      await publish(third, Buffer.from(JSON.stringify(bundle)))
      await fail(flow.cosign(cosign3, ...key, third.byDigest), /threshold|verify|subject/)
    })

    it('has the same meaning as the bundle that cosign 3 makes', async () => {
      await using flow = await prepare(start)
      await flow.chancery(['generate-key-pair'])
      const [ours, theirs] = [
        await pushTestImage(`${flow.host}/team/app:1`),
        await pushTestImage(`${flow.host}/team/app:2`),
      ]
      const common = ['sign', '--key', 'cosign.key', '--tlog-upload=false', '-a', 'env=prod']
      await succeed(flow.chancery([...common, '--bundle', 'ours.json', ours.byDigest]))
      const args = ['--use-signing-config=false', '--bundle', 'theirs.json', theirs.byDigest]
      await succeed(flow.run(cosign3, ...common, ...args))
      const read = async (name: string, image: PushedImage) => {
        const bundle = JSON.parse(await readFile(flow.path(name), 'utf8')) as BundleJson
        const text = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString()
        const statement = JSON.parse(text) as { subject: { name?: string; digest: object }[] }
        bundle.dsseEnvelope.payload = ''
        bundle.dsseEnvelope.signatures[0]!.sig = ''
        assert.deepEqual(statement.subject[0]!.digest, { sha256: image.digest.slice(7) })
        statement.subject[0]!.digest = {}
        return { bundle, statement, order: [Object.keys(bundle), Object.keys(statement)] }
      }
      const one = await read('ours.json', ours)
      const other = await read('theirs.json', theirs)
      assert.equal(one.statement.subject[0]!.name, `${flow.host}/team/app`)
      delete one.statement.subject[0]!.name
      assert.deepEqual(one, other)
    })

    it('with the certificate of the key verifies by identity and trusted root', async () => {
      await using flow = await prepare(start)
      await flow.chancery(['generate-key-pair'])
      const publicKey = createPublicKey(await readFile(flow.path('cosign.pub'), 'utf8'))
      const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
      const validity = { notBefore: inDays(-1), notAfter: inDays(1) }
      const root = issueCertificate('Acme Root', { isAuthority: true, ...validity })
      const keys = { publicKey, privateKey: root.privateKey }
      const leaf = issueCertificate('Release', { issuer: root, email: EMAIL, keys, ...validity })
      await writeFile(flow.path('leaf.pem'), pem(leaf.certificate))
      await writeFile(flow.path('root.pem'), pem(root.certificate))
      await writeFile(flow.path('root.json'), trustedRootOf(root.certificate))
      const image = await pushTestImage(`${flow.host}/team/app:1`)
      const files = ['--certificate', 'leaf.pem', '--certificate-chain', 'root.pem']
      const outputs = ['--output-certificate', 'written.pem']
      const args = ['sign', '--key', 'cosign.key', ...files, image.byDigest]
      const signed = await succeed(flow.chancery([...args, ...outputs]))
      assert.doesNotMatch(signed.stderr, /warning/)
      assert.equal(await readFile(flow.path('written.pem'), 'utf8'), pem(leaf.certificate))
      assert.match((await flow.chancery(args)).stderr, /^already signed: /m)
      const identity = (email: string) => [
        ...['--certificate-identity', email, '--certificate-oidc-issuer-regexp', '.*'],
      ]
      const byRoot = [...identity(EMAIL), '--trusted-root', 'root.json', image.byDigest]
      await succeed(flow.cosign(cosign3, ...byRoot))
      const stranger = [...identity('eve@acme.test'), '--trusted-root', 'root.json']
      await fail(flow.cosign(cosign3, ...stranger, image.byDigest), /identit/)
      const byRoots = [...identity(EMAIL), '--ca-roots', 'root.pem', '--new-bundle-format=false']
      await succeed(flow.cosign(cosign3, ...byRoots, image.byDigest))
      await succeed(
        flow.cosign(cosign3, '--key', 'cosign.pub', '--new-bundle-format=false', image.byDigest),
      )
    })

    it('by a server is published with the certificate of its policy when asked for', async () => {
      await using configured = await startConfiguredServer(CONFIGURATION)
      await using flow = await prepare(start)
      const image = await pushTestImage(`${flow.host}/team/app:1`)
      const target = ['--project', 'app', '--signing-policy', 'release', '--attach-certificate']
      await succeed(
        flow.chancery(['sign', image.byDigest, ...target], { env: configured.submitterVariables }),
      )
      const der = await configured.run(['certificates', 'download', 'release', '--what', 'chain'])
      const certificate = Buffer.from(der.stdout.replaceAll(/-----.*-----|\s/g, ''), 'base64')
      await writeFile(flow.path('root.json'), trustedRootOf(certificate))
      await succeed(
        flow.cosign(
          cosign3,
          ...['--certificate-identity', EMAIL, '--certificate-oidc-issuer-regexp', '.*'],
          ...['--trusted-root', 'root.json', image.byDigest],
        ),
      )
    })
  })
}

describe('cosign 2', { skip: anyAbsent(cosign2, component('docker-registry')) }, () => {
  it('wants a trusted root for bundles and takes any annotation, as docs/cosign.md says', async () => {
    await using flow = await prepare(startDockerRegistry)
    await flow.chancery(['generate-key-pair'])
    await flow.chancery(['generate-key-pair', '--output-key-prefix', 'other'])
    const image = await pushTestImage(`${flow.host}/team/app:1`)
    const sign = ['sign', '--key', 'cosign.key', '-a', 'env=prod', image.byDigest]
    await succeed(flow.chancery(sign))
    const verify = ['--key', 'cosign.pub', image.byDigest, '-a', 'env=test']
    await fail(flow.cosign(cosign2, ...verify), /trusted root is required/)
    await succeed(flow.cosign(cosign2, ...verify, '--trusted-root', 'root.json'))
    const other = ['--key', 'other.pub', image.byDigest, '--trusted-root', 'root.json']
    await fail(flow.cosign(cosign2, ...other), /threshold|verify/)
  })

  it('accepts the signature under the tag where no bundle is beside it', async () => {
    await using flow = await prepare(startDockerRegistry)
    await flow.chancery(['generate-key-pair'])
    const image = await pushTestImage(`${flow.host}/team/app:1`)
    const legacy = ['sign', '--key', 'cosign.key', '--new-bundle-format=false', image.byDigest]
    await succeed(flow.chancery(legacy))
    await succeed(flow.cosign(cosign2, '--key', 'cosign.pub', image.byDigest))
    const again = await succeed(flow.chancery(['sign', '--key', 'cosign.key', image.byDigest]))
    assert.match(again.stderr, /^already signed \(legacy\): /m)
    assert.doesNotMatch(again.stderr, /which has/)
    assert.match(again.stderr, /as a bundle/)
  })
})

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function trustedRootOf(certificate: Uint8Array): string {
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [
      {
        subject: { organization: 'Acme', commonName: 'Acme Root' },
        uri: 'https://ca.acme.test',
        certChain: { certificates: [{ rawBytes: Buffer.from(certificate).toString('base64') }] },
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
    ],
  })
}
