import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { runChancery } from '../support/chancery-process.ts'
import { runProgram } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startDockerRegistry, startReferrersRegistry } from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { BY_KEY, openCosignWorkshop, signByCosign } from '../support/signed-image.ts'

const cosign2 = component('cosign-2')
const cosign3 = component('cosign-3')
const skopeo = component('skopeo')
const starts = [startDockerRegistry, startReferrersRegistry] as const
const skip = anyAbsent(
  cosign2,
  cosign3,
  component('docker-registry'),
  component('referrers-registry'),
)

/** Both registries, and an index with an image signed in every way in the first. */
async function prepare(direction: 'from the API' | 'to the API') {
  const [docker, withApi] = await Promise.all(starts.map((start) => start()))
  const [from, to] = direction === 'to the API' ? [docker!, withApi!] : [withApi!, docker!]
  const workshop = await openCosignWorkshop(cosign3)
  const child = await pushTestImage(`${from.host}/team/app:child`)
  const name = `${from.host}/team/app`
  const index = {
    schemaVersion: 2,
    mediaType: OCI_IMAGE_INDEX,
    manifests: [await describeManifest(child.byDigest)],
  }
  using client = new RegistryClient()
  const bytes = new TextEncoder().encode(JSON.stringify(index))
  const pushed = { mediaType: OCI_IMAGE_INDEX, bytes }
  const digest = await client.pushManifest(parseReference(name), '1', pushed)
  await signByCosign(workshop, cosign3, child.byDigest)
  await signByCosign(workshop, cosign3, `${name}@${digest}`)
  return {
    from,
    to,
    workshop,
    child,
    digest,
    image: `${name}@${digest}`,
    run: (...args: readonly string[]) => workshop.chancery(args),
    /** Has both cosigns verify everything of both images in another repository. */
    async verify(repository: string) {
      for (const one of [digest, child.digest]) {
        const moved = `${repository}@${one}`
        await workshop.must(cosign3, 'verify', ...BY_KEY, moved)
        await workshop.must(cosign3, 'verify', ...BY_KEY, '--new-bundle-format=false', moved)
        await workshop.must(cosign3, 'verify-attestation', ...BY_KEY, '--type', 'custom', moved)
        // Cosign 2.6 finds the bundles, too, and wants a trusted root for them, with a key as well.
        const rooted = ['--trusted-root', 'root.json', moved]
        await workshop.must(cosign2, 'verify', ...BY_KEY, ...rooted)
        const attested = ['verify-attestation', ...BY_KEY, '--type', 'custom']
        await workshop.must(cosign2, ...attested, ...rooted)
        const tree = await workshop.must(cosign3, 'tree', moved)
        assert.equal(tree.stdout.match(/https:\/\/sigstore\.dev\/cosign\/sign\/v1/g)?.length, 1)
        assert.equal(tree.stdout.match(/attestation\/v1 artifacts via OCI/g)?.length, 1)
      }
    },
    async [Symbol.asyncDispose]() {
      await workshop[Symbol.asyncDispose]()
      await docker![Symbol.asyncDispose]()
      await withApi![Symbol.asyncDispose]()
    },
  }
}

async function describeManifest(image: string) {
  using client = new RegistryClient()
  const reference = parseReference(image)
  const { mediaType, digest, bytes } = await client.getManifest(reference, reference.digest!)
  return { mediaType, size: bytes.length, digest, platform: { os: 'linux', architecture: 'amd64' } }
}

/** What is there of the index and its one child: a manifest, two tags and two bundles for each. */
const EVERYTHING = {
  manifests: 10,
  blobs: 12,
  signatures: 2,
  attestations: 2,
  sboms: 0,
  referrers: 4,
}

for (const direction of ['from the API', 'to the API'] as const) {
  describe(`an image signed by cosign 3, moved ${direction}`, { skip }, () => {
    it('by copy, by save and load, is verified by cosign 2 and 3', async () => {
      await using moved = await prepare(direction)
      const copied = `${moved.to.host}/mirror/app`
      const copy = await moved.run('copy', '--json', moved.image, `${copied}:1`)
      assert.equal(copy.code, 0, copy.stderr)
      const report = JSON.parse(copy.stdout) as Record<string, unknown>
      const { blobs, ...counts } = EVERYTHING
      assert.partialDeepStrictEqual(report, { ...counts, image: `${copied}@${moved.digest}` })
      assert.ok(Number(report['blobs']) >= blobs - 4)
      await moved.verify(copied)
      // Again: nothing is doubled.
      const again = await moved.run(
        'copy',
        '--json',
        `${moved.from.host}/team/app:1`,
        `${copied}:1`,
      )
      assert.deepEqual(JSON.parse(again.stdout), report)

      const saved = await moved.run('save', '--dir', 'saved', moved.image)
      assert.equal(saved.code, 0, saved.stderr)
      const loaded = `${moved.to.host}/loaded/app`
      const load = await moved.run('load', '--json', '--dir', 'saved', `${loaded}:1`)
      assert.equal(load.code, 0, load.stderr)
      assert.partialDeepStrictEqual(JSON.parse(load.stdout), counts)
      await moved.verify(loaded)
    })

    it('is saved and loaded by us and cosign in turn', async () => {
      await using moved = await prepare(direction)
      const { workshop, child } = moved
      const name = `${moved.to.host}/theirs/app`
      await workshop.must(cosign3, 'save', '--dir', 'theirs', child.byDigest)
      const byKey = ['--key', 'cosign.pub', '--allow-identity', `${moved.from.host}/team/app`]
      const local = await moved.run('verify', ...byKey, '--all', '--local-image', 'theirs')
      assert.equal(local.code, 0, local.stderr)
      assert.match(local.stderr, /Signature 1 under .*\n[^]*Bundle sha256/)
      const load = await moved.run('load', '--json', '--dir', 'theirs', `${name}:1`)
      assert.equal(load.code, 0, load.stderr)
      assert.partialDeepStrictEqual(JSON.parse(load.stdout), {
        signatures: 1,
        attestations: 1,
        referrers: 2,
      })
      await workshop.must(cosign3, 'verify', ...BY_KEY, `${name}:1`)
      await workshop.must(cosign3, 'verify', ...BY_KEY, '--new-bundle-format=false', `${name}:1`)

      const save = await moved.run('save', '--dir', 'ours', child.byDigest)
      assert.equal(save.code, 0, save.stderr)
      const ours = ['--local-image', '--new-bundle-format=false', 'ours']
      await workshop.must(cosign3, 'verify', ...BY_KEY, ...ours)
      await workshop.must(cosign2, 'verify', ...BY_KEY, ...ours)
      // Cosign pushes the manifest of a bundle before its blob, which docker-registry refuses.
      if (direction === 'to the API') {
        const again = `${moved.to.host}/again/app:1`
        await workshop.must(cosign3, 'load', '--dir', 'ours', again)
        await workshop.must(cosign3, 'verify', ...BY_KEY, again)
      }
    })
  })
}

describe('a saved image', { skip: anyAbsent(component('docker-registry'), skopeo) }, () => {
  it('is read by skopeo', async () => {
    await using registry = await startDockerRegistry()
    await using directory = await createTemporaryDirectory()
    const env = { HOME: directory.path }
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const args = ['save', '--dir', 'saved', `${registry.host}/team/app:1`]
    const save = await runChancery(args, { cwd: directory.path, env })
    assert.equal(save.code, 0, save.stderr)
    const inspected = await runProgram(
      skopeo.path,
      ['inspect', '--raw', `oci:${join(directory.path, 'saved')}:1`],
      { env },
    )
    assert.equal(inspected.code, 0, inspected.stderr)
    using client = new RegistryClient()
    const { bytes } = await client.getManifest(image.repository, image.digest)
    assert.deepEqual(inspected.stdoutBytes, new Uint8Array(bytes))
  })
})
