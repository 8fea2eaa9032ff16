import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { startConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage } from '../support/images.ts'
import { realRegistries, type RunningRegistry } from '../support/registries.ts'
import { openWorkshop } from '../support/workshop.ts'

const VEX = 'https://openvex.dev/ns'
const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
  - { slug: release, algorithm: ecdsa-p256, subject: { commonName: Release } }
projects:
  - slug: app
    signingPolicies:
      - slug: release
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
        allowedPredicateTypes: [${VEX}]
`

const cosigns = [component('cosign-2'), component('cosign-3')]

/** A registry, and a workshop beside it with something to attest. */
async function prepare(start: () => Promise<RunningRegistry>) {
  const registry = await start()
  const workshop = await openWorkshop()
  const vex = '{ "statements": ["<a> & b"],\n  "version": 1.0 }\n'
  await writeFile(workshop.path('vex.json'), vex)
  return {
    ...workshop,
    registry,
    verify: (cosign: Component, image: string, key: string, type: string, ...more: string[]) =>
      workshop.run(
        cosign,
        ...['verify-attestation', '--key', key, '--insecure-ignore-tlog=true', '--type', type],
        ...more,
        image,
      ),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await workshop[Symbol.asyncDispose]()
    },
  }
}

/** What makes a cosign look at bundles. */
const BUNDLES = ['--new-bundle-format=true', '--trusted-root', 'root.json']

for (const [registryComponent, start] of realRegistries) {
  const skip = anyAbsent(registryComponent, ...cosigns)
  describe(`chancery attest on ${registryComponent.name}`, { skip }, () => {
    it('makes attestations that every cosign accepts, in both formats', async () => {
      await using flow = await prepare(start)
      await flow.chancery(['generate-key-pair'])
      await flow.chancery(['generate-key-pair', '--output-key-prefix', 'other'])
      for (const format of ['legacy', 'bundle']) {
        const image = await pushTestImage(`${flow.registry.host}/team/app:${format}`)
        const unattested = await pushTestImage(`${flow.registry.host}/team/app:not-${format}`)
        for (const type of ['openvex', 'custom']) {
          const args = ['attest', '--key', 'cosign.key', '--predicate', 'vex.json', '--type', type]
          const made = await flow.chancery([...args, '--signature-format', format, image.byDigest])
          assert.equal(made.code, 0, made.stderr)
          assert.match(made.stderr, /^verified: /m)
        }
        const more = format === 'bundle' ? BUNDLES : []
        for (const cosign of cosigns) {
          for (const type of ['openvex', 'custom']) {
            const accepted = await flow.verify(cosign, image.byDigest, 'cosign.pub', type, ...more)
            assert.equal(accepted.code, 0, `${cosign.name} ${format} ${type}: ${accepted.stderr}`)
          }
          for (const [name, key, type] of [
            [image.byDigest, 'other.pub', 'openvex'],
            [image.byDigest, 'cosign.pub', 'cyclonedx'],
            [unattested.byDigest, 'cosign.pub', 'openvex'],
          ] as const) {
            const refused = await flow.verify(cosign, name, key, type, ...more)
            assert.notEqual(refused.code, 0, `${cosign.name} ${format} ${name} ${key} ${type}`)
          }
        }
        const download = ['download', 'attestation', '--predicate-type', VEX, image.byDigest]
        const downloaded = await flow.chancery(download)
        assert.equal(downloaded.code, 0, downloaded.stderr)
        const document = JSON.parse(downloaded.stdout) as Record<string, { payload: string }>
        const envelope = document['dsseEnvelope'] ?? (document as unknown as { payload: string })
        const statement = Buffer.from(envelope.payload, 'base64').toString()
        const predicate = (await readFile(flow.path('vex.json'), 'utf8')).trim()
        assert.ok(statement.endsWith(`"predicate":${predicate}}`))
        // The same envelope about another image, or with another predicate, proves nothing.
        if (format === 'legacy') {
          await writeFile(flow.path('moved.json'), downloaded.stdout)
          const attach = ['attach', 'attestation', '--attestation', 'moved.json']
          const moved = await flow.run(cosigns[0]!, ...attach, unattested.byDigest)
          assert.equal(moved.code, 0, moved.stderr)
          const changed = Buffer.from(statement.replace('& b', '& c')).toString('base64')
          await writeFile(
            flow.path('changed.json'),
            downloaded.stdout.replace(envelope.payload, changed),
          )
          const fresh = await pushTestImage(`${flow.registry.host}/team/app:changed`)
          await flow.run(cosigns[0]!, ...attach.with(3, 'changed.json'), fresh.byDigest)
          for (const cosign of cosigns) {
            for (const name of [unattested.byDigest, fresh.byDigest]) {
              const refused = await flow.verify(cosign, name, 'cosign.pub', 'openvex')
              assert.notEqual(refused.code, 0, `${cosign.name} ${name}`)
            }
          }
        }
      }
    })

    it('lets both formats be made under a policy, beside those of cosign', async () => {
      await using configured = await startConfiguredServer(CONFIGURATION)
      await using flow = await prepare(start)
      const key = await configured.run(['certificates', 'download', 'release'])
      await writeFile(flow.path('release.pub'), key.stdout)
      const image = await pushTestImage(`${flow.registry.host}/team/app:1`)
      await flow.run(cosigns[0]!, 'generate-key-pair')
      const theirs = ['attest', '--key', 'cosign.key', '--predicate', 'vex.json', '--type']
      const first = await flow.run(
        cosigns[0]!,
        ...[...theirs, 'openvex', '--tlog-upload=false', image.byDigest],
      )
      assert.equal(first.code, 0, first.stderr)
      const target = ['--project', 'app', '--signing-policy', 'release', '--type', 'openvex']
      const args = ['attest', ...target, '--predicate', 'vex.json', image.byDigest]
      const made = await flow.chancery(args, { env: configured.submitterVariables })
      assert.equal(made.code, 0, made.stderr)
      for (const cosign of cosigns) {
        const legacy = cosign.name === 'cosign-3' ? [['--new-bundle-format=false']] : []
        for (const more of [BUNDLES, ...legacy]) {
          const name = image.byDigest
          const accepted = await flow.verify(cosign, name, 'release.pub', 'openvex', ...more)
          assert.equal(accepted.code, 0, `${cosign.name} ${more.join(' ')}: ${accepted.stderr}`)
        }
      }
      // Ours twice, and what cosign put under the tag before.
      const found = await flow.chancery(['download', 'attestation', '--json', image.byDigest])
      assert.equal((JSON.parse(found.stdout) as unknown[]).length, 3)
    })
  })
}
