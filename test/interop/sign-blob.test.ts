import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { anyAbsent, component, type Component } from '../support/components.ts'
import { startConfiguredServer } from '../support/configured-server.ts'
import { openWorkshop } from '../support/workshop.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
  - { slug: p256, name: P-256, algorithm: ecdsa-p256, subject: { commonName: P-256 } }
  - { slug: rsa, name: RSA, algorithm: rsa-3072, subject: { commonName: RSA } }
projects:
  - slug: tools
    name: Tools
    signingPolicies:
      - slug: p256
        name: P-256
        certificate: p256
        submitters: { users: [ci] }
        allowOtherFiles: true
        allowHashSigning: true
      - slug: rsa
        name: RSA
        certificate: rsa
        submitters: { users: [ci] }
        allowOtherFiles: true
        allowHashSigning: true
`

const cosigns = [component('cosign-2'), component('cosign-3')]
const openssl = component('openssl')

/** A workshop with a file to sign and another one. */
async function prepare() {
  const workshop = await openWorkshop()
  const artifact = randomBytes(200_000)
  await writeFile(workshop.path('app.tar'), artifact)
  await writeFile(workshop.path('other.tar'), Buffer.concat([artifact, Buffer.from([0])]))
  return {
    ...workshop,
    /** What a cosign says of a file by its bundle, and by its signature alone. */
    async verifications(cosign: Component, key: string, file: string): Promise<(number | null)[]> {
      const verify = (...args: readonly string[]) =>
        workshop.run(
          cosign,
          ...['verify-blob', '--key', key, '--insecure-ignore-tlog=true', ...args, file],
        )
      const root = ['--trusted-root', 'root.json']
      const format = cosign.name === 'cosign-2' ? ['--new-bundle-format'] : []
      const byBundle = await verify(...root, ...format, '--bundle', 'b.json')
      const bySignature = await verify('--signature', 'b.sig')
      return [byBundle.code, bySignature.code]
    },
  }
}

const OUTPUTS = ['--bundle', 'b.json', '--output-signature', 'b.sig']

describe('chancery sign-blob', { skip: anyAbsent(...cosigns, openssl) }, () => {
  for (const [keySpec, ...commands] of [
    ['P-256', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'k.pem']],
    ['RSA', ['genrsa', '-out', 'k.pem', '3072']],
  ] as const) {
    it(`signs with a ${keySpec} key, and every cosign accepts it, and no changed file`, async () => {
      await using flow = await prepare()
      for (const command of commands) await flow.run(openssl, ...command)
      await flow.run(openssl, 'pkey', '-in', 'k.pem', '-pubout', '-out', 'k.pub')
      const signed = await flow.chancery(['sign-blob', '--key', 'k.pem', ...OUTPUTS, 'app.tar'])
      assert.equal(signed.code, 0, signed.stderr)
      assert.equal(signed.stdout, '')
      for (const cosign of cosigns) {
        assert.deepEqual(await flow.verifications(cosign, 'k.pub', 'app.tar'), [0, 0])
        const refused = await flow.verifications(cosign, 'k.pub', 'other.tar')
        assert.ok(!refused.includes(0), `${cosign.name}: ${refused.join()}`)
      }
    })
  }

  it('signs with the key of a cosign, and verifies what cosign signs', async () => {
    for (const cosign of cosigns) {
      await using flow = await prepare()
      await flow.run(cosign, 'generate-key-pair')
      const key = ['--key', 'cosign.key']
      const signed = await flow.chancery(['sign-blob', ...key, ...OUTPUTS, 'app.tar'])
      assert.equal(signed.code, 0, signed.stderr)
      assert.deepEqual(await flow.verifications(cosign, 'cosign.pub', 'app.tar'), [0, 0])
      const offline = cosign.name === 'cosign-3' ? ['--use-signing-config=false'] : []
      const old = cosign.name === 'cosign-3' ? ['--new-bundle-format=false'] : []
      const args = ['sign-blob', ...key, '--tlog-upload=false', ...offline, ...old]
      const theirs = await flow.run(cosign, ...args, '--output-signature', 'c.sig', 'app.tar')
      assert.equal(theirs.code, 0, theirs.stderr)
      const verify = ['verify-blob', '--key', 'cosign.pub', '--signature', 'c.sig']
      const accepted = await flow.chancery([...verify, 'app.tar'])
      assert.equal(accepted.code, 0, accepted.stderr)
      assert.equal((await flow.chancery([...verify, 'other.tar'])).code, 1)
    }
  })

  it('signs under a policy of a server, the file or its hash, and every cosign accepts it', async () => {
    await using configured = await startConfiguredServer(CONFIGURATION)
    await using flow = await prepare()
    for (const policy of ['p256', 'rsa']) {
      const key = await configured.run(['certificates', 'download', policy])
      await writeFile(flow.path('k.pub'), key.stdout)
      const target = ['--project', 'tools', '--signing-policy', policy]
      for (const what of [[], ['--hash-only']]) {
        const args = ['sign-blob', ...target, ...what, ...OUTPUTS, '--json', 'app.tar']
        const signed = await flow.chancery(args, { env: configured.submitterVariables })
        assert.equal(signed.code, 0, signed.stderr)
        for (const cosign of cosigns) {
          assert.deepEqual(await flow.verifications(cosign, 'k.pub', 'app.tar'), [0, 0])
          const refused = await flow.verifications(cosign, 'k.pub', 'other.tar')
          assert.ok(!refused.includes(0))
        }
      }
    }
  })
})
