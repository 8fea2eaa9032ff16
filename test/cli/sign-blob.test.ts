import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import type { Finished, RunOptions } from '../support/child-process.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { openWorkshop, type Workshop } from '../support/workshop.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
  - { name: alice, type: interactive, emailAddress: alice@example.com }
certificates:
  - { slug: release, algorithm: ecdsa-p256, subject: { commonName: Release } }
  - { slug: edwards, algorithm: ed25519, subject: { commonName: Edwards } }
projects:
  - slug: tools
    artifactConfigurations:
      - slug: every-file
        template: detached-raw-signatures
      - slug: json-alone
        xml: |
          <artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
            <zip-file>
              <file path="*.json" min-matches="0">
                <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" />
              </file>
            </zip-file>
          </artifact-configuration>
    defaultArtifactConfiguration: every-file
    signingPolicies:
      - slug: files
        certificate: release
        submitters: { users: [ci] }
        allowOtherFiles: true
      - slug: images
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['registry.example.com/**']
      - slug: approved
        certificate: release
        submitters: { users: [ci] }
        approvers: { users: [alice] }
        requiredApprovals: 1
        allowOtherFiles: true
      - slug: edwards
        certificate: edwards
        submitters: { users: [ci] }
        allowOtherFiles: true
        allowHashSigning: true
`

interface BlobDocument {
  readonly digest: string
  readonly outcome: string
  readonly signature: string | null
  readonly publicKeySha256: string | null
  readonly signingRequest: { readonly id: string; readonly status: string } | null
}

function parse({ stdout }: Finished): BlobDocument {
  return JSON.parse(stdout) as BlobDocument
}

describe('chancery sign-blob', () => {
  let configured: ConfiguredServer
  let workshop: Workshop
  const path = (name: string): string => workshop.path(name)
  const run = (args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
    workshop.chancery(args, options)
  const sign = (...args: readonly string[]): Promise<Finished> => run(['sign-blob', ...args])
  const under = (policy: string): readonly string[] => [
    ...['--project', 'tools', '--signing-policy', policy],
  ]
  const verify = (...args: readonly string[]): Promise<Finished> =>
    run(['verify-blob', '--key', 'release.pub', ...args])

  before(async () => {
    configured = await startConfiguredServer(CONFIGURATION)
    workshop = await openWorkshop(configured.submitterVariables)
    const key = await configured.run(['certificates', 'download', 'release'])
    await writeFile(path('release.pub'), key.stdout)
    await writeFile(path('app.tar'), 'what is released\n')
    assert.equal((await run(['generate-key-pair', '--output-key-prefix', 'local'])).code, 0)
  })

  after(async () => {
    await workshop[Symbol.asyncDispose]()
    await configured[Symbol.asyncDispose]()
  })

  it('prints the signature, or writes it with bundle and certificate', async () => {
    const bare = await sign(...under('files'), 'app.tar')
    assert.equal(bare.code, 0, bare.stderr)
    assert.match(bare.stdout, /^[A-Za-z0-9+/]+=*\n$/)
    assert.match(bare.stderr, /^submitted: signing request \S+ \(1 file\): http/m)
    await writeFile(path('bare.sig'), bare.stdout)
    assert.equal((await verify('--signature', 'bare.sig', 'app.tar')).code, 0)

    const outputs = ['--bundle', 'b.json', '--output-signature', 'b.sig']
    const certificate = ['--output-certificate', 'b.pem']
    const signed = await sign(...under('files'), ...outputs, ...certificate, 'app.tar')
    assert.deepEqual([signed.code, signed.stdout], [0, ''], signed.stderr)
    // The same file again is the same request, with the same signature.
    assert.equal(`${await readFile(path('b.sig'), 'utf8')}\n`, bare.stdout)
    assert.equal((await verify('--bundle', 'b.json', 'app.tar')).code, 0)
    assert.equal((await verify('--signature', 'b.sig', 'app.tar')).code, 0)
    const byCertificate = ['verify-blob', '--key', 'b.pem', '--bundle', 'b.json', 'app.tar']
    assert.equal((await run(byCertificate)).code, 0)
    await writeFile(path('changed.tar'), 'what is not released\n')
    for (const evidence of [
      ['--bundle', 'b.json'],
      ['--signature', 'b.sig'],
    ]) {
      assert.equal((await verify(...evidence, 'changed.tar')).code, 1)
    }
  })

  it('signs what comes on standard input, raw or as JSON', async () => {
    const input = 'what is released\n'
    const raw = await sign(
      '--key',
      'local.key',
      '--b64=false',
      '--output-signature',
      'r',
      'app.tar',
    )
    assert.equal(raw.code, 0, raw.stderr)
    assert.equal((await readFile(path('r')))[0], 0x30)
    const args = ['sign-blob', '--key', 'local.key', '--json', '-']
    const piped = await run(args, { input })
    assert.equal(piped.code, 0, piped.stderr)
    const { signature, outcome, signingRequest } = parse(piped)
    assert.deepEqual([outcome, signingRequest], ['signed', null])
    await writeFile(path('piped.sig'), signature ?? '')
    for (const file of ['r', 'piped.sig']) {
      const from = ['verify-blob', '--key', 'local.pub', '--signature', file, '-']
      assert.equal((await run(from, { input })).code, 0)
      assert.equal((await run(from, { input: `${input} ` })).code, 1)
    }
    const env = { HOME: workshop.directory }
    const both = await runChancery(args, { cwd: workshop.directory, env, input })
    assert.equal(both.code, 2)
    assert.match(both.stderr, /standard input is the file .*\nhint: Set COSIGN_PASSWORD/)
  })

  it('says which rule of the policy refuses a file, and writes nothing', async () => {
    const outputs = ['--bundle', 'denied.json']
    const denied = await sign(...under('images'), ...outputs, 'app.tar')
    assert.equal(denied.code, 1, denied.stderr)
    assert.match(denied.stderr, /hint: .*allowOtherFiles/)
    const hash = await sign(...under('files'), '--hash-only', ...outputs, 'app.tar')
    assert.equal(hash.code, 1, hash.stderr)
    assert.match(hash.stderr, /allowHashSigning/)
    const edwards = await sign(...under('edwards'), '--hash-only', ...outputs, 'app.tar')
    assert.equal(edwards.code, 2, edwards.stderr)
    const left = ['--artifact-configuration', 'json-alone']
    const leftOut = await sign(...under('files'), ...left, ...outputs, 'app.tar')
    assert.equal(leftOut.code, 1, leftOut.stderr)
    assert.match(leftOut.stderr, /the artifact configuration signs nothing/)
    assert.equal(existsSync(path('denied.json')), false)
  })

  it('goes on with a request that waits for approval', async () => {
    const args = [...under('approved'), '--description', 'the tools', 'app.tar']
    const pending = await sign(...args, '--no-wait', '--json')
    assert.equal(pending.code, 0, pending.stderr)
    assert.equal(parse(pending).outcome, 'submitted')
    const id = parse(pending).signingRequest?.id ?? ''
    const { stdout } = await configured.run(['users', 'token', 'alice', '--raw'])
    const env = { CHANCERY_TOKEN: stdout.trim() }
    const approved = await run(['requests', 'approve', id], { env })
    assert.equal(approved.code, 0, approved.stderr)
    const signed = await sign(...args, '--bundle', 'approved.json', '--json')
    assert.equal(signed.code, 0, signed.stderr)
    assert.equal(parse(signed).signingRequest?.id, id)
    assert.equal((await verify('--bundle', 'approved.json', 'app.tar')).code, 0)
  })

  it('writes over nothing that it reads, and no file twice', async () => {
    const before = await readFile(path('local.key'), 'utf8')
    for (const outputs of [
      ['--bundle', './app.tar'],
      ['--output-signature', path('app.tar')],
      ['--bundle', 'local.key'],
      ['--bundle', 'twice', '--output-signature', './twice'],
    ]) {
      const refused = await sign('--key', 'local.key', ...outputs, 'app.tar')
      assert.equal(refused.code, 2, refused.stderr)
      assert.match(refused.stderr, /expected another file to write to/)
    }
    assert.equal(await readFile(path('local.key'), 'utf8'), before)
    assert.equal(await readFile(path('app.tar'), 'utf8'), 'what is released\n')
    assert.equal(existsSync(path('twice')), false)
  })

  it('refuses calls that contradict themselves', async () => {
    const key = ['--key', 'local.key']
    for (const flags of [
      [],
      ['--project', 'tools'],
      [...key, ...under('files')],
      [...key, '--hash-only'],
      [...key, '--tlog-upload'],
      [...key, '--new-bundle-format'],
      [...key, '--new-bundle-format=false', '--bundle', 'x'],
      [...key, '--output-certificate', 'x'],
      [...under('files'), '--no-wait', '--bundle', 'x'],
    ]) {
      const refused = await sign(...flags, 'app.tar')
      assert.equal(refused.code, 2, `${flags.join(' ')}: ${refused.stderr}`)
    }
    assert.equal((await sign(...key, 'missing.tar')).code, 2)
    for (const flags of [[], ['--bundle', 'b.json', '--signature', 'b.sig']]) {
      assert.equal((await verify(...flags, 'app.tar')).code, 2)
    }
    assert.equal((await run(['verify-blob', '--signature', 'b.sig', 'app.tar'])).code, 2)
  })
})
