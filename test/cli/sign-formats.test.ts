import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { startEmbeddedRegistry, type EmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { encodeBundle } from '../../src/format/bundle-writer.ts'
import {
  COSIGN_SIGNATURE_PREDICATE,
  encodeImageStatement,
} from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { findReferrers } from '../../src/registry/referrers.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { signatureTag } from '../../src/registry/signature-manifest.ts'
import type { Finished } from '../support/child-process.ts'
import { startConfiguredServer, type ConfiguredServer } from '../support/configured-server.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { openWorkshop, type Workshop } from '../support/workshop.ts'

const CONFIGURATION = `
users:
  - { name: ci, type: ci }
certificates:
  - { slug: release, name: Release, algorithm: ecdsa-p256, subject: { commonName: Release } }
projects:
  - slug: app
    name: App
    artifactConfigurations:
      - slug: initial
        template: detached-raw-signatures
      - slug: metadata
        xml: |
          <artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
            <zip-file>
              <file-set>
                <include path="*.json" max-matches="unbounded" />
                <for-each>
                  <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" />
                </for-each>
              </file-set>
            </zip-file>
          </artifact-configuration>
    signingPolicies:
      - slug: both
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
      - slug: bundles
        certificate: release
        submitters: { users: [ci] }
        allowedImages: ['127.0.0.1:*/team/**']
        signatureFormats: [bundle]
      - slug: nothing
        certificate: release
        submitters: { users: [ci] }
        signatureFormats: []
`.replaceAll('\\$', '$')

const under = (policy: string): readonly string[] => [
  '--project',
  'app',
  '--signing-policy',
  policy,
]

interface SignDocument {
  readonly signingRequest: { readonly id: string } | null
  readonly images: readonly {
    readonly outcome: string
    readonly signatures: readonly {
      readonly format: string
      readonly outcome: string
      readonly reference?: string
    }[]
    readonly error?: { readonly code: string }
  }[]
}

function outcomesOf({ stdout }: Finished): readonly (readonly string[])[] {
  const { images } = JSON.parse(stdout) as SignDocument
  return images.flatMap(({ signatures }) =>
    signatures.map(({ format, outcome }) => [format, outcome]),
  )
}

async function countOf(image: PushedImage): Promise<readonly [tagged: number, bundles: number]> {
  using client = new RegistryClient()
  const { repository, digest } = image
  const found = await client.findManifest(repository, signatureTag(digest))
  const tagged = found?.manifest.kind === 'manifest' ? found.manifest.layers.length : 0
  return [tagged, (await findReferrers(client, repository, digest)).referrers.length]
}

describe('chancery sign, in formats', () => {
  let configured: ConfiguredServer
  let registry: EmbeddedRegistry
  let workshop: Workshop
  const path = (name: string): string => workshop.path(name)
  const run = (...args: readonly string[]) => workshop.chancery(args)

  before(async () => {
    configured = await startConfiguredServer(CONFIGURATION)
    registry = await startEmbeddedRegistry()
    workshop = await openWorkshop(configured.submitterVariables)
    const key = await configured.run(['certificates', 'download', 'release'])
    await writeFile(path('release.pub'), key.stdout)
  })

  after(async () => {
    await workshop[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    await configured[Symbol.asyncDispose]()
  })

  it('makes each format once, and only what is missing', async () => {
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const sign = (...args: readonly string[]) =>
      run('sign', image.byDigest, ...under('both'), '--json', ...args)
    const legacy = await sign('--signature-format', 'legacy')
    assert.equal(legacy.code, 0, legacy.stderr)
    assert.deepEqual(outcomesOf(legacy), [['legacy', 'attached']])
    assert.deepEqual(await countOf(image), [1, 0])
    const both = await sign()
    assert.equal(both.code, 0, both.stderr)
    assert.deepEqual(outcomesOf(both), [
      ['legacy', 'already-signed'],
      ['bundle', 'attached'],
    ])
    assert.match(both.stderr, /^signed: 1 signature$/m)
    assert.match(both.stderr, /^already signed \(legacy\): /m)
    assert.deepEqual(await countOf(image), [1, 1])
    const again = await sign()
    assert.deepEqual(outcomesOf(again), [
      ['legacy', 'already-signed'],
      ['bundle', 'already-signed'],
    ])
    assert.equal((JSON.parse(again.stdout) as SignDocument).signingRequest, null)
    assert.deepEqual(await countOf(image), [1, 1])
    // Other annotations are other signatures, in both formats.
    assert.equal((await sign('-a', 'env=prod')).code, 0)
    assert.deepEqual(await countOf(image), [2, 2])
  })

  it('has both formats of all images signed in one request, which shows each image once', async () => {
    const images = [
      await pushTestImage(`${registry.host}/team/one:1`),
      await pushTestImage(`${registry.host}/team/two:1`),
    ]
    const names = images.map(({ byDigest }) => byDigest)
    const signed = await run('sign', ...names, ...under('both'), '--json')
    assert.equal(signed.code, 0, signed.stderr)
    const { signingRequest } = JSON.parse(signed.stdout) as SignDocument
    const shown = await run('requests', 'show', signingRequest!.id, '--json')
    const request = JSON.parse(shown.stdout) as {
      images: { path: string; statementPath: string; predicateType: string }[]
      signatures: unknown[]
    }
    assert.equal(request.signatures.length, 4)
    assert.deepEqual(
      request.images.map(({ path: file, statementPath }) => [
        file.slice(-5),
        statementPath.slice(-5),
      ]),
      [
        ['.json', '.dsse'],
        ['.json', '.dsse'],
      ],
    )
    const text = await run('requests', 'show', signingRequest!.id)
    assert.match(text.stdout, /sigstore\.dev\/cosign\/sign\/v1/)
    const listed = await run('requests', 'list', '--digest', images[0]!.digest)
    assert.equal(listed.stdout.trim().split('\n').length, 2, listed.stdout)
    for (const image of images) assert.deepEqual(await countOf(image), [1, 1])
  })

  it('signs what the policy signs, and says so where something else is asked for', async () => {
    const image = await pushTestImage(`${registry.host}/team/policy:1`)
    const signed = await run('sign', image.byDigest, ...under('bundles'), '--json')
    assert.equal(signed.code, 0, signed.stderr)
    assert.deepEqual(outcomesOf(signed), [['bundle', 'attached']])
    assert.deepEqual(await countOf(image), [0, 1])
    for (const flags of [['--signature-format', 'both'], ['--new-bundle-format=false']]) {
      const refused = await run('sign', image.byDigest, ...under('bundles'), ...flags)
      assert.equal(refused.code, 2)
      assert.match(refused.stderr, /app\/bundles signs \(bundle\)/)
    }
    assert.equal((await run('sign', image.byDigest, ...under('nothing'))).code, 2)
    const twice = ['--signature-format', 'legacy', '--new-bundle-format=false']
    assert.equal((await run('sign', image.byDigest, ...under('both'), ...twice)).code, 2)
  })

  it('says what to do where the artifact configuration leaves the statement out', async () => {
    const image = await pushTestImage(`${registry.host}/team/left-out:1`)
    const args = [image.byDigest, ...under('both'), '--artifact-configuration', 'metadata']
    const partly = await run('sign', ...args, '--json')
    assert.equal(partly.code, 1, partly.stderr)
    assert.deepEqual(outcomesOf(partly), [
      ['legacy', 'attached'],
      ['bundle', 'failed'],
    ])
    assert.match(partly.stderr, /leaves this file out.*include path="\*"/)
    assert.match(partly.stderr, /--signature-format legacy/)
    assert.equal((await run('sign', ...args, '--signature-format', 'legacy')).code, 0)
  })

  it('takes no word of the registry for it that a bundle is there', async () => {
    const image = await pushTestImage(`${registry.host}/team/lies:1`)
    const { repository, digest } = image
    using client = new RegistryClient()
    const name = `${registry.host}/team/lies`
    const signature = Uint8Array.of(0x30, 6, 2, 1, 1, 2, 1, 1)
    const forged = encodeBundle(
      { kind: 'publicKey', hint: 'a' },
      {
        kind: 'statement',
        payload: encodeImageStatement({ name, manifestDigest: digest }),
        signature,
      },
    )
    for (const bytes of [forged, new TextEncoder().encode('{}')]) {
      await publishBundle(
        client,
        { repository, digest },
        { bytes, predicateType: COSIGN_SIGNATURE_PREDICATE, createdAt: new Date(0) },
      )
    }
    const signed = await run('sign', image.byDigest, ...under('bundles'), '--json')
    assert.equal(signed.code, 0, signed.stderr)
    assert.deepEqual(outcomesOf(signed), [['bundle', 'attached']])
    assert.deepEqual(await countOf(image), [0, 3])
  })

  it('writes the bundle, which can be attached, once and to its image only', async () => {
    const image = await pushTestImage(`${registry.host}/team/files:1`)
    const other = await pushTestImage(`${registry.host}/team/files:2`)
    const files = ['--no-publish', '--bundle', 'b.json']
    const signed = await run('sign', image.byDigest, ...under('both'), ...files, '--json')
    assert.equal(signed.code, 0, signed.stderr)
    assert.deepEqual(outcomesOf(signed), [
      ['legacy', 'signed'],
      ['bundle', 'signed'],
    ])
    assert.deepEqual(await countOf(image), [0, 0])
    const attach = ['attach', 'signature', '--bundle', 'b.json']
    for (const outcome of ['attached', 'already-attached']) {
      const attached = await run(...attach, '--key', 'release.pub', image.byDigest, '--json')
      assert.equal(attached.code, 0, attached.stderr)
      assert.equal((JSON.parse(attached.stdout) as { outcome: string }).outcome, outcome)
    }
    assert.deepEqual(await countOf(image), [0, 1])
    for (const key of [[], ['--key', 'release.pub']]) {
      assert.equal((await run(...attach, ...key, other.byDigest)).code, 1)
    }
    assert.deepEqual(await countOf(other), [0, 0])
    const again = await run('sign', image.byDigest, ...under('both'), '--bundle', 'again.json')
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(await readFile(path('again.json')), await readFile(path('b.json')))
    const verified = await run('verify', '--key', 'release.pub', image.byDigest)
    assert.equal(verified.code, 0, verified.stderr)
    for (const wrong of [
      ['--bundle', 'x.json', '--signature-format', 'legacy'],
      ['--output-signature', 'x.sig', '--signature-format', 'bundle'],
      ['--output-certificate', 'x.pem'],
      ['--certificate', 'x.pem'],
    ]) {
      assert.equal((await run('sign', image.byDigest, ...under('both'), ...wrong)).code, 2)
    }
  })

  it('is the three steps by hand, too', async () => {
    const image = await pushTestImage(`${registry.host}/team/by-hand:1`)
    const pae = await run('generate', '--pae', image.byDigest)
    assert.equal(pae.code, 0, pae.stderr)
    await writeFile(path('by-hand.dsse'), pae.stdoutBytes)
    const statement = await run('generate', '--statement', image.byDigest)
    assert.equal(
      pae.stdout,
      `DSSEv1 28 application/vnd.in-toto+json ${statement.stdout.length} ${statement.stdout}`,
    )
    const submitted = await run(
      ...['submit', 'by-hand.dsse', ...under('both'), '--output-signature', 'by-hand.sig'],
    )
    assert.equal(submitted.code, 0, submitted.stderr)
    const attach = [
      'attach',
      'signature',
      '--payload',
      'by-hand.dsse',
      '--signature',
      'by-hand.sig',
    ]
    const attached = await run(...attach, '--key', 'release.pub', image.byDigest)
    assert.equal(attached.code, 0, attached.stderr)
    const signed = await run('sign', image.byDigest, ...under('bundles'), '--json')
    assert.deepEqual(outcomesOf(signed), [['bundle', 'already-signed']])
  })

  it('uses referrers alone where the registry keeps tags as they are', async () => {
    await using immutable = await keepTags(registry.host)
    const image = await pushTestImage(`${immutable.host}/team/immutable:1`)
    const first = await run('sign', image.byDigest, ...under('both'), '--json')
    assert.equal(first.code, 0, first.stderr)
    const second = await run('sign', image.byDigest, ...under('both'), '-a', 'n=2', '--json')
    assert.equal(second.code, 0, second.stderr)
    assert.deepEqual(
      outcomesOf(second),
      [
        ['bundle', 'attached'],
        ['legacy', 'not-attached'],
      ].toReversed(),
    )
    assert.match(second.stderr, /keeps as it is; the bundle alone/)
    assert.deepEqual(await countOf(image), [1, 2])
    const alone = ['--signature-format', 'legacy', '-a', 'n=3']
    const refused = await run('sign', image.byDigest, ...under('both'), ...alone)
    assert.equal(refused.code, 5, refused.stderr)
  })
})

/** A registry before another one that takes each tag once. */
async function keepTags(behind: string): Promise<AsyncDisposable & { readonly host: string }> {
  const tags = new Set<string>()
  const { hostname, port } = new URL(`http://${behind}`)
  const server = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    if (method === 'PUT' && /\/manifests\/[^:]+$/.test(url)) {
      if (tags.has(url)) {
        incoming.resume()
        outgoing.writeHead(409, { 'content-type': 'application/json' })
        outgoing.end('{"errors":[{"code":"TAG_INVALID","message":"tag is immutable"}]}')
        return
      }
      tags.add(url)
    }
    const forwarded = request({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
