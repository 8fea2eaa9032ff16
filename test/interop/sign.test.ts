import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { startConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage, pushTestIndex } from '../support/images.ts'
import { realRegistries, startDockerRegistry, type RunningRegistry } from '../support/registries.ts'
import { openWorkshop } from '../support/workshop.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
  - { slug: release, name: Release, algorithm: ecdsa-p256, subject: { commonName: Release } }
  - { slug: rsa, name: RSA, algorithm: rsa-3072, subject: { commonName: RSA } }
projects:
  - slug: app
    name: App
    signingPolicies:
      - slug: release
        name: Release
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
      - slug: rsa
        name: RSA
        certificate: rsa
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
`

const cosigns = [component('cosign-2'), component('cosign-3')]
const skopeo = component('skopeo')

/** A cosign, and what it has to be told. */
interface Verifier {
  readonly cosign: Component
  readonly flags: readonly string[]
}

/** Cosign looks at bundles where there are any; told otherwise, cosign 3 looks at the signatures under the tag. */
const verifiers: readonly Verifier[] = [
  { cosign: component('cosign-2'), flags: ['--trusted-root', 'root.json'] },
  { cosign: component('cosign-3'), flags: [] },
  { cosign: component('cosign-3'), flags: ['--new-bundle-format=false'] },
]

/** A registry, and a workshop beside it. */
async function prepare(start: () => Promise<RunningRegistry>) {
  const registry = await start()
  const workshop = await openWorkshop()
  return {
    ...workshop,
    registry,
    cosignVerify: ({ cosign, flags }: Verifier, key: string, ...images: readonly string[]) =>
      workshop.run(
        cosign,
        ...['verify', '--key', key, '--insecure-ignore-tlog=true', '-a', 'env=prod'],
        ...flags,
        ...images,
      ),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await workshop[Symbol.asyncDispose]()
    },
  }
}

for (const [registryComponent, start] of realRegistries) {
  const skip = anyAbsent(registryComponent, ...cosigns)
  describe(`chancery sign on ${registryComponent.name}`, { skip }, () => {
    it('signs an index under a policy, and every cosign accepts all of it', async () => {
      await using configured = await startConfiguredServer(CONFIGURATION)
      await using flow = await prepare(start)
      const index = await pushTestIndex(`${flow.registry.host}/team/app:1`, 2)
      const all = [index, ...index.children].map(({ byDigest }) => byDigest)
      for (const policy of ['release', 'rsa']) {
        const key = await configured.run(['certificates', 'download', policy])
        await writeFile(flow.path(`${policy}.pub`), key.stdout)
        const target = ['--project', 'app', '--signing-policy', policy]
        const args = ['sign', '-r', '-a', 'env=prod', index.byDigest, ...target]
        const signed = await flow.chancery(args, { env: configured.submitterVariables })
        assert.equal(signed.code, 0, signed.stderr)
      }
      for (const policy of ['release', 'rsa']) {
        for (const verifier of verifiers) {
          const verified = await flow.cosignVerify(verifier, `${policy}.pub`, ...all)
          assert.equal(verified.code, 0, verified.stderr)
        }
        const args = ['verify', '--key', `${policy}.pub`, '-r', '-a', 'env=prod', index.byDigest]
        const ours = await flow.chancery(args)
        assert.equal(ours.code, 0, ours.stderr)
      }
    })

    for (const cosign of cosigns) {
      it(`and ${cosign.name} sign with each other's keys, and see each other's signatures`, async () => {
        await using flow = await prepare(start)
        const image = await pushTestImage(`${flow.registry.host}/team/app:1`)
        await flow.run(cosign, 'generate-key-pair')
        const signed = await flow.chancery([
          'sign',
          '--key',
          'cosign.key',
          '-a',
          'env=prod',
          image.byDigest,
        ])
        assert.equal(signed.code, 0, signed.stderr)
        for (const verifier of verifiers) {
          const verified = await flow.cosignVerify(verifier, 'cosign.pub', image.byDigest)
          assert.equal(verified.code, 0, verified.stderr)
        }
        await flow.chancery(['generate-key-pair', '--output-key-prefix', 'ours'])
        const other = await pushTestImage(`${flow.registry.host}/team/app:2`)
        const legacy =
          cosign.name === 'cosign-3'
            ? ['--use-signing-config=false', '--new-bundle-format=false']
            : []
        const args = ['sign', '--key', 'ours.key', '--tlog-upload=false', '-a', 'env=prod']
        const theirs = await flow.run(cosign, ...args, ...legacy, other.byDigest)
        assert.equal(theirs.code, 0, theirs.stderr)
        const ours = await flow.chancery([
          'verify',
          '--key',
          'ours.pub',
          '-a',
          'env=prod',
          other.byDigest,
        ])
        assert.equal(ours.code, 0, ours.stderr)
        // What cosign signed with this key is what we would sign.
        const again = await flow.chancery([
          'sign',
          '--key',
          'ours.key',
          '-a',
          'env=prod',
          other.byDigest,
        ])
        assert.match(again.stderr, /^already signed \(legacy\): /m)
      })
    }
  })
}

describe('skopeo', { skip: anyAbsent(skopeo, component('docker-registry')) }, () => {
  it('copies what chancery sign signed under a sigstoreSigned policy, and nothing else', async () => {
    await using flow = await prepare(startDockerRegistry)
    const { host } = flow.registry
    const image = await pushTestImage(`${host}/team/app:1`)
    const unsigned = await pushTestImage(`${host}/team/app:2`)
    await flow.chancery(['generate-key-pair'])
    const signed = await flow.chancery(['sign', '--key', 'cosign.key', image.byDigest])
    assert.equal(signed.code, 0, signed.stderr)
    const requirement = {
      type: 'sigstoreSigned',
      keyPath: flow.path('cosign.pub'),
      signedIdentity: { type: 'matchRepository' },
    }
    const transports = { docker: { [host]: [requirement] } }
    const policy = { default: [{ type: 'reject' }], transports }
    await writeFile(flow.path('policy.json'), JSON.stringify(policy))
    const attachments = `docker:\n  ${host}:\n    use-sigstore-attachments: true\n`
    await writeFile(flow.path('attachments.yaml'), attachments)
    const copy = (source: string) =>
      flow.run(
        skopeo,
        ...['--policy', 'policy.json', '--registries.d', '.', 'copy', '--remove-signatures'],
        ...['--src-tls-verify=false', `docker://${source}`, 'oci:copied:1'],
      )
    const accepted = await copy(image.byDigest)
    assert.equal(accepted.code, 0, accepted.stderr)
    assert.notEqual((await copy(unsigned.byDigest)).code, 0)
  })
})
