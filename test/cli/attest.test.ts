import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { startEmbeddedRegistry, type EmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { attestationTag } from '../../src/registry/attestation-manifest.ts'
import { findReferrers } from '../../src/registry/referrers.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import type { Finished } from '../support/child-process.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage, pushTestIndex, type PushedImage } from '../support/images.ts'
import { openWorkshop, type Workshop } from '../support/workshop.ts'

const VEX = 'https://openvex.dev/ns'
const CONFIGURATION = `
users:
  - { name: ci, type: ci }
  - { name: alice, type: interactive, emailAddress: alice@example.com }
certificates:
  - { slug: release, algorithm: ecdsa-p256, subject: { commonName: Release } }
projects:
  - slug: app
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
      - slug: release
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
        allowedPredicateTypes: [${VEX}]
      - slug: images
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
      - slug: approved
        certificate: release
        submitters: { users: [ci] }
        approvers: { users: [alice] }
        requiredApprovals: 1
        allowedImages: ['127.0.0.1:*/team/**']
        allowedPredicateTypes: [${VEX}]
`

interface AttestDocument {
  readonly signingRequest: { readonly id: string; readonly status: string } | null
  readonly images: readonly {
    readonly image: string
    readonly outcome: string
    readonly predicateType: string
  }[]
}

function parse({ stdout }: Finished): AttestDocument {
  return JSON.parse(stdout) as AttestDocument
}

/** The statement of an envelope, or of the envelope of a bundle. */
function statementOf(line: string): string {
  const document = JSON.parse(line) as { payload?: string; dsseEnvelope?: { payload: string } }
  return Buffer.from(document.payload ?? document.dsseEnvelope!.payload, 'base64').toString()
}

/** How many attestations an image has: under the tag, and as bundles. */
async function countOf({ repository, digest }: PushedImage): Promise<[number, number]> {
  using client = new RegistryClient()
  const found = await client.findManifest(repository, attestationTag(digest))
  const { referrers } = await findReferrers(client, repository, digest)
  const layers = found?.manifest.kind === 'manifest' ? found.manifest.layers : []
  return [layers.length, referrers.length]
}

describe('chancery attest', () => {
  let configured: ConfiguredServer
  let registry: EmbeddedRegistry
  let workshop: Workshop
  const path = (name: string): string => workshop.path(name)
  const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Finished> =>
    workshop.chancery(args, { env })
  const attest = (...args: readonly string[]): Promise<Finished> => run(['attest', ...args])
  const under = (policy: string): readonly string[] => [
    ...['--project', 'app', '--signing-policy', policy],
  ]
  const LOCAL = ['--key', 'cosign.key']
  const WHAT = ['--predicate', 'vex.json', '--type', 'openvex']
  let count = 0
  const push = (): Promise<PushedImage> => pushTestImage(`${registry.host}/team/a${count++}:1`)

  before(async () => {
    configured = await startConfiguredServer(CONFIGURATION)
    registry = await startEmbeddedRegistry()
    workshop = await openWorkshop(configured.submitterVariables)
    await writeFile(path('vex.json'), '{"statements":[]}')
    await writeFile(path('newer.json'), '{"statements":[1]}')
    for (const key of [[], ['--output-key-prefix', 'other']]) {
      assert.equal((await run(['generate-key-pair', ...key])).code, 0)
    }
  })

  after(async () => {
    await workshop[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    await configured[Symbol.asyncDispose]()
  })

  it('attests several images in one request, and does so once', async () => {
    const images = [await push(), await push()]
    const names = images.map(({ byDigest }) => byDigest)
    const args = [...under('release'), ...WHAT, '--json', ...names]
    const made = await attest(...args)
    assert.equal(made.code, 0, made.stderr)
    const { signingRequest, images: outcomes } = parse(made)
    assert.deepEqual(
      outcomes.map(({ image, outcome, predicateType }) => [image, outcome, predicateType]),
      names.map((name) => [name, 'attached', VEX]),
    )
    for (const image of images) assert.deepEqual(await countOf(image), [1, 1])
    const shown = await run(['requests', 'show', signingRequest!.id, '--json'])
    const request = JSON.parse(shown.stdout) as {
      images: { predicateType: string; digest: string }[]
    }
    assert.deepEqual(
      request.images.map(({ predicateType, digest }) => [predicateType, digest]),
      images.map(({ digest }) => [VEX, digest]),
    )
    const { stdout: log } = await configured.run(['audit', 'list', '--json'])
    assert.ok(log.includes(VEX) && log.includes(images[0]!.digest))

    const again = await attest(...args)
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(
      [parse(again).signingRequest, ...parse(again).images.map(({ outcome }) => outcome)],
      [null, 'already-signed', 'already-signed'],
    )
    assert.match(again.stderr, /^already attested: /m)
    assert.deepEqual(await countOf(images[0]!), [1, 1])
  })

  it('says which rule refuses a predicate type, and how to allow it', async () => {
    const image = await push()
    for (const [policy, type] of [
      ['images', 'openvex'],
      ['release', 'cyclonedx'],
    ] as const) {
      const what = ['--predicate', 'vex.json', '--type', type]
      const denied = await attest(...under(policy), ...what, image.byDigest)
      assert.equal(denied.code, 1, denied.stderr)
      assert.match(denied.stderr, /predicate type .*of which the signing policy allows/)
      assert.match(denied.stderr, /hint: .*allowedPredicateTypes/)
    }
    const foreign = await pushTestImage(`${registry.host}/foreign/app:1`)
    assert.equal((await attest(...under('release'), ...WHAT, foreign.byDigest)).code, 1)
    const left = ['--artifact-configuration', 'json-alone']
    const leftOut = await attest(...under('release'), ...left, ...WHAT, image.byDigest)
    assert.equal(leftOut.code, 1, leftOut.stderr)
    assert.match(leftOut.stderr, /the artifact configuration signs nothing/)
    assert.deepEqual(await countOf(image), [0, 0])
  })

  it('goes on with a request that waits for approval', async () => {
    const image = await push()
    const args = [...under('approved'), ...WHAT, '--json', image.byDigest]
    const pending = await attest(...args, '--no-wait')
    assert.equal(pending.code, 0, pending.stderr)
    assert.equal(parse(pending).images[0]?.outcome, 'submitted')
    const id = parse(pending).signingRequest!.id
    const { stdout } = await configured.run(['users', 'token', 'alice', '--raw'])
    const approved = await run(['requests', 'approve', id], { CHANCERY_TOKEN: stdout.trim() })
    assert.equal(approved.code, 0, approved.stderr)
    const made = await attest(...args)
    assert.equal(made.code, 0, made.stderr)
    assert.equal(parse(made).signingRequest?.id, id)
    assert.deepEqual(await countOf(image), [1, 1])
  })

  it('says a text of the type custom once, whenever it is said, in all formats', async () => {
    const image = await pushTestImage(`${registry.host}/team/custom:1`)
    const [text, other] = ['tested.txt', 'other.txt']
    await writeFile(path(text), 'tested')
    await writeFile(path(other), 'not tested')
    const keyed = ['--key', 'own.key', image.byDigest, '--json']
    await run(['generate-key-pair', '--output-key-prefix', 'own'])
    const attest = async (...args: readonly string[]) => {
      const attested = await run(['attest', ...args, ...keyed])
      assert.equal(attested.code, 0, attested.stderr)
      return parse(attested).images[0]?.outcome
    }
    // One format alone, as an interrupted command leaves it; then the other one, later.
    assert.equal(await attest('--predicate', text, '--signature-format=legacy'), 'attached')
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    assert.equal(await attest('--predicate', text), 'attached')
    assert.deepEqual(await countOf(image), [1, 1])
    const again = await run(['attest', '--predicate', text, ...keyed])
    assert.match(again.stderr, /^already attested: /m)
    assert.deepEqual(await countOf(image), [1, 1])
    const downloaded = await run(['download', 'attestation', image.byDigest])
    const texts = downloaded.stdout.trim().split('\n').map(statementOf)
    assert.equal(texts.length, 2)
    assert.equal(texts[0], texts[1])
    // Another text, another key, or --force: another attestation.
    assert.equal(await attest('--predicate', other), 'attached')
    assert.equal(await attest('--predicate', text, '--force'), 'attached')
    assert.deepEqual(await countOf(image), [3, 3])
    const verify = ['verify-attestation', '--key', 'own.pub', image.byDigest]
    assert.equal((await run(verify)).code, 0)
  })

  it('replaces earlier attestations of the type by the key, and nobody else’s', async () => {
    const image = await push()
    const newer = ['--predicate', 'newer.json', '--type', 'openvex']
    for (const [key, ...what] of [
      ['other.key', ...WHAT],
      ['cosign.key', ...WHAT],
      ['cosign.key', '--predicate', 'vex.json', '--type', 'cyclonedx'],
      ['cosign.key', ...newer],
    ] as const) {
      const made = await attest('--key', key, ...what, image.byDigest)
      assert.equal(made.code, 0, made.stderr)
    }
    assert.deepEqual(await countOf(image), [4, 4])
    const replaced = await attest(...LOCAL, ...newer, '--replace', image.byDigest)
    assert.equal(replaced.code, 0, replaced.stderr)
    assert.match(replaced.stderr, /^replaced: 2 of 2 under sha256-/m)
    assert.match(replaced.stderr, /^replaced: 2 earlier bundles are removed$/m)
    assert.deepEqual(await countOf(image), [3, 3])
    const again = await attest(...LOCAL, ...newer, '--replace', image.byDigest)
    assert.match(again.stderr, /^already attested: /m)
    assert.deepEqual(await countOf(image), [3, 3])
  })

  it('loses nothing where several attest the same image at once', async () => {
    const image = await push()
    const types = ['a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6']
    const runs = await Promise.all(
      types.map((type) =>
        attest(...LOCAL, '--predicate', 'vex.json', '--type', type, image.byDigest),
      ),
    )
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr)
    assert.deepEqual(await countOf(image), [types.length, types.length])
  })

  it('publishes nothing with --no-upload, and writes or prints what it made', async () => {
    const image = await push()
    const printed = await attest(...LOCAL, ...WHAT, '--no-upload', image.byDigest)
    assert.equal(printed.code, 0, printed.stderr)
    assert.match(printed.stdout, /^\{"payloadType":"application\/vnd\.in-toto\+json",/)
    const files = ['--bundle', 'b.json', '--output-attestation', 'e.json']
    const written = await attest(...LOCAL, ...WHAT, '--no-publish', ...files, image.byDigest)
    assert.deepEqual([written.code, written.stdout], [0, ''], written.stderr)
    assert.deepEqual(await countOf(image), [0, 0])
    const bundle = JSON.parse(await readFile(path('b.json'), 'utf8')) as {
      dsseEnvelope: { payload: string; signatures: [{ sig: string }] }
    }
    const envelope = JSON.parse(await readFile(path('e.json'), 'utf8')) as {
      payload: string
      signatures: [{ sig: string }]
    }
    assert.equal(bundle.dsseEnvelope.signatures[0].sig, envelope.signatures[0].sig)
    assert.equal(bundle.dsseEnvelope.payload, envelope.payload)
  })

  it('takes a ready statement about the image, and about no other', async () => {
    const index = await pushTestIndex(`${registry.host}/team/multi:1`, 2)
    const all = await attest(...LOCAL, ...WHAT, '-r', '--json', index.byDigest)
    assert.equal(all.code, 0, all.stderr)
    assert.equal(parse(all).images.length, 3)
    const [image, other] = index.children
    const statement = JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'app', digest: { sha256: image!.digest.slice(7) } }],
      predicateType: 'https://acme.test/ready/v1',
      predicate: {},
    })
    await writeFile(path('statement.json'), statement)
    const args = [...LOCAL, '--statement', 'statement.json']
    const made = await attest(...args, image!.byDigest, '--json')
    assert.equal(made.code, 0, made.stderr)
    assert.equal(parse(made).images[0]?.predicateType, 'https://acme.test/ready/v1')
    const refused = await attest(...args, other!.byDigest)
    assert.equal(refused.code, 2, refused.stderr)
    assert.match(refused.stderr, /expected a statement about .*, found one about sha256:/)
  })

  it('attaches what was made elsewhere, about this image and by this key alone, once', async () => {
    const image = await push()
    for (const what of [WHAT, ['--predicate', 'vex.json', '--type', 'cyclonedx']]) {
      assert.equal((await attest(...LOCAL, ...what, image.byDigest)).code, 0)
    }
    const downloaded = await run(['download', 'attestation', image.byDigest])
    await writeFile(path('all.jsonl'), downloaded.stdout)
    const cleaned = await run(['clean', '--force', image.byDigest])
    assert.equal(cleaned.code, 0, cleaned.stderr)
    assert.deepEqual(await countOf(image), [0, 0])
    const attach = (key: string, ...to: readonly string[]): Promise<Finished> =>
      run(['attach', 'attestation', '--attestation', 'all.jsonl', ...to, ...['--key', key]])
    assert.equal((await attach('other.pub', image.byDigest)).code, 1)
    const another = await push()
    for (const key of [[], ['--key', 'cosign.pub']]) {
      const args = ['attach', 'attestation', '--attestation', 'all.jsonl', ...key]
      const refused = await run([...args, another.byDigest])
      assert.ok(refused.code === 1 || refused.code === 2, refused.stderr)
    }
    assert.deepEqual(
      [await countOf(image), await countOf(another)],
      [
        [0, 0],
        [0, 0],
      ],
    )
    for (const outcome of ['attached', 'already-attached']) {
      const attached = await attach('cosign.pub', image.byDigest, '--json')
      assert.equal(attached.code, 0, attached.stderr)
      const { attestations } = JSON.parse(attached.stdout) as {
        attestations: { outcome: string }[]
      }
      assert.deepEqual(
        attestations.map((one) => one.outcome),
        [outcome, outcome, outcome, outcome],
      )
      assert.deepEqual(await countOf(image), [2, 2])
    }
    await writeFile(path('all.jsonl'), '{"payload":"","payloadType":"x","signatures":[]}')
    assert.equal((await attach('cosign.pub', image.byDigest)).code, 2)
  })

  it('refuses what cannot be attested, and calls that contradict themselves', async () => {
    const image = await push()
    await writeFile(path('huge.json'), `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`)
    await writeFile(path('deep.json'), '['.repeat(100_000))
    await writeFile(path('twice.json'), '{"a":1,"a":2}')
    for (const file of ['huge.json', 'deep.json', 'twice.json', 'missing.json']) {
      const refused = await attest(
        ...[...LOCAL, '--predicate', file, '--type', 'openvex', image.byDigest],
      )
      assert.equal(refused.code, 2, `${file}: ${refused.stderr}`)
    }
    for (const flags of [
      [...LOCAL],
      [...WHAT],
      [...LOCAL, ...WHAT, '--statement', 'vex.json'],
      [...LOCAL, '--statement', 'vex.json', '--type', 'openvex'],
      [...LOCAL, '--predicate', 'vex.json', '--type', 'OpenVEX'],
      [...LOCAL, '--predicate', 'vex.json', '--type', 'https://sigstore.dev/cosign/sign/v1'],
      [...LOCAL, ...WHAT, '--replace', '--no-publish'],
      [...LOCAL, ...WHAT, '--bundle', 'vex.json'],
      [...LOCAL, ...WHAT, '--no-wait', '--bundle', 'x'],
      [...LOCAL, ...under('release'), ...WHAT],
    ]) {
      const refused = await attest(...flags, image.byDigest)
      assert.equal(refused.code, 2, `${flags.join(' ')}: ${refused.stderr}`)
    }
    assert.deepEqual(await countOf(image), [0, 0])
    assert.equal(existsSync(path('x')), false)
    assert.equal(await readFile(path('vex.json'), 'utf8'), '{"statements":[]}')
  })
})
