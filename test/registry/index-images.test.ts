import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sha256Hex } from '../../src/crypto/digest.ts'
import {
  OCI_IMAGE_CONFIG,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../src/format/oci-manifest.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { MAX_INDEX_IMAGES, resolveIndexImages } from '../../src/registry/index-images.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { startHostileServer } from './hostile-server.ts'

/** A registry of indexes, in which nothing need be there that they list. */
async function prepare() {
  const manifests = new Map<string, Uint8Array>()
  const server = await startHostileServer((request, response) => {
    const found = manifests.get(request.url?.split('/').at(-1) ?? '')
    if (found === undefined) response.writeHead(404).end()
    else {
      const { mediaType } = JSON.parse(new TextDecoder().decode(found)) as { mediaType: string }
      response.writeHead(200, { 'content-type': mediaType }).end(found)
    }
  })
  const client = new RegistryClient()
  const put = (tag: string, manifest: object): string => {
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...manifest }))
    const digest = `sha256:${sha256Hex(bytes)}`
    manifests.set(tag, bytes).set(digest, bytes)
    return digest
  }
  return {
    server,
    manifests,
    resolve: async (reference: string) => {
      const parsed = parseReference(`${server.host}/team/app${reference}`)
      return (await resolveIndexImages(client, parsed)).map(({ digest }) => digest)
    },
    put,
    push: (tag: string, entries: readonly object[]): string => {
      const list = entries.map((entry) => ({ size: 2, ...entry }))
      return put(tag, { mediaType: OCI_IMAGE_INDEX, manifests: list })
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`
const image = (n: number) => ({ mediaType: OCI_IMAGE_MANIFEST, digest: digestOf(n) })
const index = (digest: string) => ({ mediaType: OCI_IMAGE_INDEX, digest })
const refused = { code: 'ERR_REGISTRY_INDEX' }

describe('images of an index', () => {
  it('come depth first, each once, and are read by digest alone', async () => {
    await using flow = await prepare()
    const inner = flow.push('inner', [image(1), image(2)])
    const outer = flow.push('outer', [image(2), index(inner), index(inner), image(3)])
    const found = await flow.resolve(':outer')
    assert.deepEqual(found, [outer, digestOf(2), inner, digestOf(1), digestOf(3)])
    assert.deepEqual(
      flow.server.seen.map(({ url }) => url),
      ['/v2/team/app/manifests/outer', `/v2/team/app/manifests/${inner}`],
    )
  })

  it('are the image alone where there is no index, whatever an index called it', async () => {
    await using flow = await prepare()
    const config = { mediaType: OCI_IMAGE_CONFIG, size: 2, digest: digestOf(1) }
    const alone = { mediaType: OCI_IMAGE_MANIFEST, config, layers: [] }
    const digest = flow.put('alone', alone)
    assert.deepEqual(await flow.resolve(':alone'), [digest])
    const outer = flow.push('outer', [index(digest)])
    assert.deepEqual(await flow.resolve(':outer'), [outer, digest])
  })

  it('are refused where one is something else, or there are too many', async () => {
    await using flow = await prepare()
    flow.push('foreign', [{ mediaType: 'application/vnd.example', digest: digestOf(1) }])
    await assert.rejects(flow.resolve(':foreign'), refused)
    flow.push('sha512', [{ mediaType: OCI_IMAGE_MANIFEST, digest: `sha512:${'0'.repeat(128)}` }])
    await assert.rejects(flow.resolve(':sha512'), refused)
    const many = Array.from({ length: MAX_INDEX_IMAGES - 1 }, (_, n) => image(n))
    const inner = flow.push('many', many)
    assert.equal((await flow.resolve(':many')).length, MAX_INDEX_IMAGES)
    flow.push('more', [index(inner), image(MAX_INDEX_IMAGES)])
    await assert.rejects(flow.resolve(':more'), refused)
  })

  it('are refused where indexes lie too deep, are not there, or are not what was listed', async () => {
    await using flow = await prepare()
    let digest = flow.push('level', [image(1)])
    for (let level = 2; level <= 4; level += 1) digest = flow.push('level', [index(digest)])
    assert.equal((await flow.resolve(':level')).length, 5)
    flow.push('level', [index(digest)])
    await assert.rejects(flow.resolve(':level'), refused)
    flow.push('absent', [index(digestOf(7))])
    await assert.rejects(flow.resolve(':absent'), { code: 'ERR_REGISTRY_NOT_FOUND' })
    // An index that seems to contain itself is one whose bytes are not those of the digest.
    const own = flow.push('own', [index(digestOf(8))])
    flow.manifests.set(digestOf(8), flow.manifests.get(own)!)
    await assert.rejects(flow.resolve(':own'), { code: 'ERR_REGISTRY_DIGEST' })
  })
})
