import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SIGSTORE_BUNDLE } from '../../src/format/bundle-writer.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { listReferrers } from '../../src/registry/referrers.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { removeArtifacts } from '../../src/registry/remove-artifacts.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { realRegistries } from '../support/registries.ts'

/** @returns The digest of the referrer. */
async function publish(client: RegistryClient, image: PushedImage, name: string): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify({ mediaType: SIGSTORE_BUNDLE, name }))
  const createdAt = new Date('2026-07-24T11:31:58Z')
  const bundle = { bytes, predicateType: COSIGN_SIGNATURE_PREDICATE, createdAt }
  return (await publishBundle(client, image, bundle)).digest
}

async function listed(client: RegistryClient, image: PushedImage): Promise<readonly string[]> {
  const { descriptors } = await listReferrers(client, image.repository, image.digest)
  return descriptors.map(({ digest }) => digest).sort()
}

for (const [{ name, absent }, start] of realRegistries) {
  // docker-registry refuses a list that names what is not there; the others keep the list themselves.
  describe(`referrers of which somebody else removed one, on ${name}`, { skip: absent }, () => {
    it('get another one', async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const one = await publish(client, image, 'one')
      const two = await publish(client, image, 'two')
      await client.deleteManifest(image.repository, two)
      const three = await publish(client, image, 'three')
      assert.deepEqual(await listed(client, image), [one, three].sort())
    })

    it('lose one more', async () => {
      await using registry = await start()
      using client = new RegistryClient()
      const image = await pushTestImage(`${registry.host}/team/app:1`)
      const [one, two, three] = [
        await publish(client, image, 'one'),
        await publish(client, image, 'two'),
        await publish(client, image, 'three'),
      ]
      await client.deleteManifest(image.repository, two)
      const removal = { kind: 'referrer', tag: undefined, digest: one } as const
      await removeArtifacts(client, image.repository, image.digest, [removal])
      assert.deepEqual(await listed(client, image), [three])
      await client.deleteManifest(image.repository, three)
      const four = await publish(client, image, 'four')
      assert.deepEqual(await listed(client, image), [four])
    })
  })
}
