import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readImageTree, tagOf, type TaggedKind } from '../../src/registry/image-tree.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { planRemoval } from '../../src/registry/remove-artifacts.ts'
import { repositorySource } from '../../src/registry/repository-store.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage, pushTestIndex, type PushedImage } from '../support/images.ts'
import { realRegistries } from '../support/registries.ts'

const KINDS: readonly TaggedKind[] = ['signature', 'attestation', 'sbom']

/** Has a tag of what belongs to one image name another one, as anybody can who may push. */
async function misuse(
  client: RegistryClient,
  { repository, digest }: PushedImage,
  kind: TaggedKind,
  victim: PushedImage,
): Promise<void> {
  const manifest = await client.getManifest(repository, victim.digest)
  await client.pushManifest(repository, tagOf(digest, kind), manifest)
}

for (const [{ name, absent }, start] of realRegistries) {
  describe(`clean, where a tag of signatures names an image, on ${name}`, { skip: absent }, () => {
    it('removes nothing, neither the image itself nor another one', async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const other = await pushTestImage(`${registry.host}/team/app:2`)
      const index = await pushTestIndex(`${registry.host}/team/app:3`, 1)
      for (const victim of [image, other, index]) {
        await misuse(client, image, 'signature', victim)
        const { code, stderr } = await runChancery(['clean', '--force', image.byDigest])
        assert.equal(code, 5, stderr)
        assert.match(stderr, /expected .*\.sig to hold signatures, found an i/)
        assert.ok(await client.findManifest(victim.repository, victim.digest))
      }
    })
  })
}

const [{ absent }, start] = realRegistries[1]!

describe('what is to be removed', { skip: absent }, () => {
  for (const kind of KINDS) {
    it(`is no image under the tag of the ${kind}, unless that is not asked for`, async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      await misuse(client, image, kind, image)
      const source = repositorySource(client, image.repository)
      const tree = await readImageTree(source, image.digest)
      for (const wanted of [kind, 'all'] as const) {
        assert.throws(() => planRemoval(tree, wanted), { code: 'ERR_REGISTRY_SIGNATURES' })
      }
      for (const wanted of [...KINDS, 'referrer'] as const) {
        if (wanted !== kind) assert.deepEqual(planRemoval(tree, wanted), [])
      }
    })
  }
})
