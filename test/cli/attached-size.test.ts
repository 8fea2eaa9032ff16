import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { pushReferrer } from '../../src/registry/push-referrer.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { digestOf, encodeJson } from '../registry/map-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage } from '../support/images.ts'
import { realRegistries } from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const EMPTY = 'application/vnd.oci.empty.v1+json'

/** Pushes referrers that call themselves bundles, 3 MiB of manifests together. */
async function pushLargeReferrers(image: Awaited<ReturnType<typeof pushTestImage>>) {
  using client = new RegistryClient()
  const config = encodeJson({})
  await client.blobs.push(image.repository, config)
  const described = { mediaType: EMPTY, digest: digestOf(config), size: config.length }
  const { bytes: subject } = await client.getManifest(image.repository, image.digest)
  for (let n = 0; n < 6; n += 1) {
    const bytes = encodeJson({
      schemaVersion: 2,
      mediaType: OCI_IMAGE_MANIFEST,
      artifactType: BUNDLE,
      config: described,
      layers: [described],
      subject: { mediaType: OCI_IMAGE_MANIFEST, digest: image.digest, size: subject.length },
      // A member that nobody reads, and no list repeats.
      filler: `${n}${'x'.repeat(500_000)}`,
    })
    await pushReferrer(client, image.repository, {
      mediaType: OCI_IMAGE_MANIFEST,
      bytes,
    })
  }
}

for (const [registryComponent, start] of realRegistries) {
  describe(registryComponent.name, { skip: registryComponent.absent }, () => {
    it('has no more read of what is attached to one image than --max-attached-size', async () => {
      await using directory = await createTemporaryDirectory()
      await using registry = await start()
      const run = (...args: readonly string[]) =>
        runChancery(args, {
          cwd: directory.path,
          env: { HOME: directory.path, COSIGN_PASSWORD: '' },
        })
      assert.equal((await run('generate-key-pair')).code, 0)
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      await pushLargeReferrers(image)
      const limit = ['--max-attached-size', '1MiB']
      // Whoever can push keeps nobody from signing.
      const sign = ['sign', '--key', 'cosign.key', '--signature-format', 'bundle', ...limit]
      const signed = await run(...sign, image.byDigest)
      assert.equal(signed.code, 0, signed.stderr)
      const verify = ['verify', '--key', 'cosign.pub', image.byDigest]
      const refused = await run(...verify, ...limit)
      assert.equal(refused.code, 2, refused.stderr)
      assert.match(refused.stderr, /expected at most 1 MiB of manifests, signatures/)
      assert.match(refused.stderr, /hint: Say --max-attached-size SIZE, at most 1GiB/)
      const accepted = await run(...verify)
      assert.equal(accepted.code, 0, accepted.stderr)
      const shown = await run('tree', image.byDigest, ...limit)
      assert.match(shown.stdout, /UNREADABLE: referrers of .*\n.*expected at most 1 MiB/)
      const copied = await run('copy', ...limit, image.byDigest, `${registry.host}/team/other:1`)
      assert.equal(copied.code, 2, copied.stderr)
      using client = new RegistryClient()
      const other = parseReference(`${registry.host}/team/other:1`)
      assert.equal(await client.findManifest(other, '1'), undefined)
      const saved = join(directory.path, 'saved')
      assert.equal((await run('save', '--dir', saved, image.byDigest)).code, 0)
      const local = ['verify', '--local-image', '--key', 'cosign.pub', saved]
      assert.equal((await run(...local)).code, 0)
      assert.equal((await run(...local, ...limit)).code, 2)
    })
  })
}
