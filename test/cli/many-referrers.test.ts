import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { inParallel } from '../../src/registry/in-parallel.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { digestOf, encodeJson, startMapRegistry } from '../registry/map-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startReferrersRegistry } from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const EMPTY = 'application/vnd.oci.empty.v1+json'
const SCAN = 'application/vnd.acme.scan.v1+json'
/** With the bundle one more than are looked at. */
const MANY = 1000

async function prepare() {
  const directory = await createTemporaryDirectory()
  const run = (...args: readonly string[]) =>
    runChancery(args, { cwd: directory.path, env: { HOME: directory.path, COSIGN_PASSWORD: '' } })
  assert.equal((await run('generate-key-pair')).code, 0)
  return {
    run,
    path: (name: string) => join(directory.path, name),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

const absent = component('referrers-registry').absent

describe('an image with more than a thousand referrers', { skip: absent }, () => {
  it('is not accepted unless so many are looked at, and it is said what to do', async () => {
    await using flow = await prepare()
    await using registry = await startReferrersRegistry()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const sign = ['sign', '--key', 'cosign.key', '--signature-format', 'bundle']
    const signed = await flow.run(...sign, image.byDigest)
    assert.equal(signed.code, 0, signed.stderr)
    using client = new RegistryClient()
    const config = encodeJson({})
    await client.blobs.push(image.repository, config)
    const described = { mediaType: EMPTY, digest: digestOf(config), size: config.length }
    const { bytes: subject } = await client.getManifest(image.repository, image.digest)
    await inParallel(
      Array.from({ length: MANY }, (_, n) => n),
      8,
      async (n) => {
        const bytes = encodeJson({
          schemaVersion: 2,
          mediaType: OCI_IMAGE_MANIFEST,
          artifactType: SCAN,
          config: described,
          layers: [described],
          subject: { mediaType: OCI_IMAGE_MANIFEST, digest: image.digest, size: subject.length },
          annotations: { n: String(n) },
        })
        const manifest = { mediaType: OCI_IMAGE_MANIFEST, bytes }
        await client.pushManifest(image.repository, digestOf(bytes), manifest)
      },
    )
    const verify = ['verify', '--key', 'cosign.pub', image.byDigest]
    const refused = await flow.run(...verify)
    assert.equal(refused.code, 2, refused.stderr)
    assert.match(refused.stderr, /expected at most 1000 referrers/)
    assert.match(refused.stderr, /hint: Say --max-referrers N, at most 10000/)
    const accepted = await flow.run(...verify, '--max-referrers', String(MANY + 1))
    assert.equal(accepted.code, 0, accepted.stderr)
    assert.equal((await flow.run(...verify, '--max-referrers', String(MANY))).code, 2)
    for (const bad of ['0', '10001', 'x', '-1']) {
      assert.equal((await flow.run(...verify, `--max-referrers=${bad}`)).code, 2)
    }
    const shown = await flow.run('tree', '--key', 'cosign.pub', image.byDigest)
    assert.match(shown.stdout, /UNREADABLE: referrers of .*\n.*expected at most 1000 referrers/)
  })

  it('has them counted under the fallback tag, too', async () => {
    await using flow = await prepare()
    await using registry = await startMapRegistry()
    const config = registry.addBlob(encodeJson({}), EMPTY)
    const layers: object[] = []
    const image = registry.add(
      encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_MANIFEST, config, layers }),
      '1',
    )
    registry.referrersStatus = 404
    const manifests = Array.from({ length: MANY + 1 }, (_, n) => ({
      mediaType: OCI_IMAGE_MANIFEST,
      digest: digestOf(encodeJson(n)),
      size: 1,
      artifactType: SCAN,
    }))
    const list = encodeJson({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests })
    registry.add(list, image.digest.replace(':', '-'), OCI_IMAGE_INDEX)
    const verify = ['verify', '--key', 'cosign.pub', `${registry.host}/team/app:1`]
    const refused = await flow.run(...verify)
    assert.match(refused.stderr, /expected at most 1000 referrers(.|\n)*--max-referrers/)
    const all = await flow.run(...verify, '--max-referrers', '2000')
    assert.equal(all.code, 1)
    assert.match(all.stderr, /has no signature(.|\n)*1001 referrers/)
  })
})
