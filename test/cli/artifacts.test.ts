import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { attachSignature } from '../../src/registry/attach-signature.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { generatePayload } from '../../src/registry/resolve-image.ts'
import { runChancery } from '../support/chancery-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startDockerRegistry, startReferrersRegistry, startZot } from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import type { TreeDocument } from './tree-document.ts'

const PROVENANCE = 'https://slsa.dev/provenance/v1'
const SIGNATURE = 'AAAA'

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** An image with one signature under a tag, and a bundle each of a signature and of an attestation. */
async function prepare(start: () => Promise<AsyncDisposable & { readonly host: string }>) {
  const registry = await start()
  const directory = await createTemporaryDirectory()
  const tag = `${registry.host}/team/app:1`
  const image = await pushTestImage(tag)
  using client = new RegistryClient()
  const payload = await generatePayload(client, parseReference(image.byDigest), {})
  await attachSignature(client, image, { payload, signature: SIGNATURE })
  const createdAt = new Date('2026-07-24T11:31:58Z')
  for (const predicateType of [COSIGN_SIGNATURE_PREDICATE, PROVENANCE]) {
    const bytes = encode({ mediaType: 'x/bundle', predicateType })
    await publishBundle(client, image, { bytes, predicateType, createdAt })
  }
  return {
    registry,
    tag,
    image,
    payload,
    path: (name: string) => join(directory.path, name),
    run: (...args: readonly string[]) =>
      runChancery(args, { cwd: directory.path, env: { HOME: directory.path } }),
    agree: (answer: string, ...args: readonly string[]) =>
      runChancery(args, { cwd: directory.path, env: { HOME: directory.path }, input: answer }),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

const registries = {
  'the embedded registry': { start: () => startEmbeddedRegistry(), skip: false as const },
  'docker-registry': {
    start: () => startDockerRegistry(),
    skip: component('docker-registry').absent,
  },
  // Which leaves a tag where it is when its manifest is removed.
  'referrers-registry': {
    start: () => startReferrersRegistry(),
    skip: component('referrers-registry').absent,
  },
  zot: { start: () => startZot(), skip: component('zot').absent },
}

for (const [name, { start, skip }] of Object.entries(registries)) {
  describe(`what is attached to an image on ${name}`, { skip }, () => {
    it('is shown by tree', async () => {
      await using flow = await prepare(start)
      const { code, stdout, stderr } = await flow.run('tree', '--json', flow.tag)
      assert.equal(code, 0, stderr)
      const tree = JSON.parse(stdout) as TreeDocument
      assert.equal(tree.digest, flow.image.digest)
      assert.deepEqual(
        tree.tagged.map(({ kind }) => kind),
        ['signature'],
      )
      const created = '2026-07-24T11:31:58Z'
      assert.deepEqual(
        tree.referrers
          .map(({ kind, predicateType, created: at }) => [kind, predicateType, at])
          .sort(),
        [
          ['attestation', PROVENANCE, created],
          ['signature', COSIGN_SIGNATURE_PREDICATE, created],
        ],
      )
      const text = await flow.run('tree', flow.tag)
      assert.match(text.stdout, /signatures under .*\.sig\n.*not checked: signature 1\n/)
      assert.match(text.stdout, new RegExp(`UNREADABLE: attestation of the type "${PROVENANCE}"\n`))
      assert.match(text.stdout, new RegExp(`unverified: made at "${created}"`))
    })

    it('is printed by download', async () => {
      await using flow = await prepare(start)
      const signatures = await flow.run('download', 'signature', flow.tag)
      assert.equal(signatures.code, 0, signatures.stderr)
      const lines = signatures.stdout.trimEnd().split('\n')
      assert.deepEqual(
        lines.map((line) => JSON.parse(line) as unknown),
        [
          { mediaType: 'x/bundle', predicateType: COSIGN_SIGNATURE_PREDICATE },
          {
            Base64Signature: SIGNATURE,
            Payload: Buffer.from(flow.payload).toString('base64'),
            Cert: null,
            Chain: null,
            Bundle: null,
            RFC3161Timestamp: null,
          },
        ],
      )
      const attest = ['download', 'attestation', '--json']
      const attestations = await flow.run(...attest, '--predicate-type', PROVENANCE, flow.tag)
      assert.deepEqual(JSON.parse(attestations.stdout), [
        { mediaType: 'x/bundle', predicateType: PROVENANCE },
      ])
      const none = await flow.run(...attest, '--predicate-type', 'https://x.test', flow.tag)
      assert.deepEqual([none.code, none.stdout], [4, ''])
    })

    it('is removed by clean, and only what was named', async () => {
      await using flow = await prepare(start)
      const count = async () => {
        const tree = JSON.parse((await flow.run('tree', '--json', flow.tag)).stdout) as TreeDocument
        return [tree.tagged.length, tree.referrers.length]
      }
      const dry = await flow.run('clean', '--dry-run', '--json', flow.tag)
      assert.equal((JSON.parse(dry.stdout) as { removed: unknown[] }).removed.length, 3)
      for (const answer of ['', 'no\n', 'yes, but\n']) {
        assert.equal((await flow.agree(answer, 'clean', flow.tag)).code, 2)
      }
      assert.deepEqual(await count(), [1, 2])
      const attestations = await flow.agree('yes\n', 'clean', '--type', 'attestation', flow.tag)
      assert.equal(attestations.code, 0, attestations.stderr)
      assert.deepEqual(await count(), [1, 1])
      const all = await flow.run('clean', '--force', flow.tag)
      assert.equal(all.code, 0, all.stderr)
      assert.deepEqual(await count(), [0, 0])
      const again = await flow.run('clean', '-f', '--json', flow.tag)
      assert.deepEqual((JSON.parse(again.stdout) as { removed: unknown[] }).removed, [])
    })

    it('is copied with it, and adds to what the destination has', async () => {
      await using flow = await prepare(start)
      const other = `${flow.registry.host}/mirror/app`
      assert.equal((await flow.run('copy', flow.tag, `${other}:1`)).code, 0)
      using client = new RegistryClient()
      const payload = await generatePayload(client, parseReference(flow.image.byDigest), {})
      const mirrored = { repository: parseReference(other), digest: flow.image.digest }
      await attachSignature(client, mirrored, { payload, signature: 'BBBB' })
      await attachSignature(client, flow.image, { payload, signature: 'CCCC' })
      const again = await flow.run('copy', flow.tag, `${other}:1`)
      assert.equal(again.code, 0, again.stderr)
      const { stdout } = await flow.run('download', 'signature', `${other}:1`)
      for (const signature of [SIGNATURE, 'BBBB', 'CCCC']) assert.match(stdout, RegExp(signature))

      const another = await pushTestImage(`${flow.registry.host}/team/other:1`)
      const occupied = await flow.run('copy', another.byDigest, `${other}:1`)
      assert.equal(occupied.code, 5)
      assert.match(occupied.stderr, /--force/)
      assert.equal((await flow.run('copy', '--force', another.byDigest, `${other}:1`)).code, 0)
      const moved = await client.getManifest(parseReference(other), '1')
      assert.equal(moved.digest, another.digest)

      const parts = `${flow.registry.host}/parts/app`
      const only = await flow.run('copy', '--only', 'sig', flow.tag, `${parts}:1`)
      assert.equal(only.code, 0, only.stderr)
      const { manifest } = await client.getManifest(
        parseReference(parts),
        `${flow.image.digest.replace(':', '-')}.sig`,
      )
      assert.equal(manifest.kind === 'manifest' && manifest.layers.length, 2)
      assert.equal(await client.findManifest(parseReference(parts), '1'), undefined)
      assert.equal((await flow.run('copy', '--only', 'sigs', flow.tag, parts)).code, 2)
    })
  })
}

describe('a saved image', () => {
  it('goes into an empty directory only, and comes back whole or not at all', async () => {
    await using flow = await prepare(() => startEmbeddedRegistry())
    await mkdir(flow.path('occupied'))
    await writeFile(flow.path('occupied/file'), 'mine')
    const occupied = await flow.run('save', '--dir', 'occupied', flow.tag)
    assert.equal(occupied.code, 5)
    assert.deepEqual(await readdir(flow.path('occupied')), ['file'])

    assert.equal((await flow.run('save', '--dir', 'saved', flow.tag)).code, 0)
    // Elsewhere each time: what a registry has already is not read from the directory.
    let number = 0
    const load = () => {
      number += 1
      return flow.run('load', '--dir', 'saved', `${flow.registry.host}/back/app${number}:1`)
    }
    const blobs = flow.path('saved/blobs/sha256')
    for (const name of await readdir(blobs)) {
      const content = await readFile(join(blobs, name))
      assert.equal(sha256Hex(content), name)
      await writeFile(join(blobs, name), Buffer.concat([content.subarray(0, -1), Buffer.from('!')]))
      const changed = await load()
      assert.ok([1, 2].includes(changed.code ?? 0), `${name}: ${changed.code} ${changed.stderr}`)
      await writeFile(join(blobs, name), content)
    }
    const back = await load()
    assert.equal(back.code, 0, back.stderr)
    assert.match(back.stderr, /1 signature, 0 attestations, 2 referrers/)
    await rm(flow.path('saved/index.json'))
    assert.equal((await load()).code, 2)
    await writeFile(flow.path('saved/index.json'), '{"schemaVersion":2,"manifests":[]}')
    assert.equal((await load()).code, 2)
  })
})
