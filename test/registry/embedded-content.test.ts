import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COSIGN_SIGNATURE_PREDICATE } from '../../src/format/image-statement.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import type { SeenTag } from '../../src/registry/referrers.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { embed, embeddedContent, MAX_EMBEDDED_BYTES } from '../../src/registry/embedded-content.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import { startChangedRegistry } from './changed-registry.ts'
import { digestOf, encodeJson } from './map-registry.ts'

const content = encodeJson({ name: 'content' })
const descriptor = {
  mediaType: 'test/x',
  digest: digestOf(content),
  size: content.length,
  ...embed(content),
}

function bundle(name: string, size = 1) {
  const bytes = encodeJson({ name, filler: 'x'.repeat(size) })
  return { bytes, predicateType: COSIGN_SIGNATURE_PREDICATE, createdAt: new Date(0) }
}

async function layersOf(client: RegistryClient, image: PushedImage, digest: string) {
  const { manifest } = await client.getManifest(image.repository, digest)
  assert.ok(manifest.kind === 'manifest')
  return manifest.layers
}

describe('content in a descriptor', () => {
  it('is what was put there', () => {
    assert.equal(digestOf(embeddedContent(descriptor)!), descriptor.digest)
    const { mediaType, digest, size } = descriptor
    assert.equal(embeddedContent({ mediaType, digest, size }), undefined)
  })

  it('counts only if it is exactly the content', () => {
    const { data = '' } = descriptor
    const other = embed(encodeJson({ name: 'another' })).data!
    for (const wrong of [
      { ...descriptor, data: other },
      { ...descriptor, data: '' },
      { ...descriptor, data: `${data}=` },
      { ...descriptor, data: ` ${data}` },
      { ...descriptor, data: '\u0000' },
      { ...descriptor, size: content.length + 1 },
      { ...descriptor, digest: digestOf(encodeJson(1)) },
    ]) {
      assert.throws(() => embeddedContent(wrong), { code: 'ERR_REGISTRY_DIGEST' })
    }
  })

  it('is put there up to a size', async () => {
    await using registry = await startChangedRegistry(() => undefined)
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    for (const [size, isEmbedded] of [
      [1, true],
      [MAX_EMBEDDED_BYTES, false],
    ] as const) {
      const made = bundle('one', size)
      const { digest } = await publishBundle(client, image, made)
      const [layer] = await layersOf(client, image, digest)
      assert.equal(layer?.data !== undefined, isEmbedded)
      if (isEmbedded) assert.equal(digestOf(embeddedContent(layer!)!), digestOf(made.bytes))
      // Whoever does not know of it finds the blob.
      const blob = await client.blobs.get(image.repository, layer!.digest, layer!.size)
      assert.equal(digestOf(blob), digestOf(made.bytes))
    }
  })

  it('is left out where the registry refuses it, from then on at once', async () => {
    await using registry = await startChangedRegistry((request, body) =>
      request.method === 'PUT' && body.includes('"data":')
        ? { status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' }
        : undefined,
    )
    using client = new RegistryClient()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const { digest } = await publishBundle(client, image, bundle('one'))
    assert.equal((await layersOf(client, image, digest))[0]?.data, undefined)
    const before = registry.seen.length
    await publishBundle(client, image, bundle('two'))
    const puts = registry.seen
      .slice(before)
      .filter(({ method, url }) => method === 'PUT' && url.includes('/manifests/'))
    assert.equal(puts.length, 1)
  })

  it('stands beside an empty blob that is written once, not by every writer again', async () => {
    await using registry = await startChangedRegistry(() => undefined)
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const empty = digestOf(encodeJson({}))
    const writesOf = async (seen?: SeenTag) => {
      const from = registry.seen.length
      using client = new RegistryClient()
      await publishBundle(client, image, bundle('a bundle'), { seen })
      return registry.seen
        .slice(from)
        .filter(({ method, url }) => method !== 'HEAD' && url.includes(empty)).length
    }
    assert.equal(await writesOf({ found: undefined }), 1)
    assert.equal(await writesOf(), 0)
    const { repository } = image
    using client = new RegistryClient()
    const found = await client.getManifest(repository, image.digest)
    assert.equal(await writesOf({ found }), 0)
  })
})
