import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { publishBundle } from '../../src/registry/publish-bundle.ts'
import { findReferrers } from '../../src/registry/referrers.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { component } from '../support/components.ts'
import { pushTestImage } from '../support/images.ts'
import { startDockerRegistry, startReferrersRegistry, startZot } from '../support/registries.ts'

const page = new URL('../../docs/registries.md', import.meta.url)

const registries = {
  'embedded (demo and tests)': { start: () => startEmbeddedRegistry(), skip: false as const },
  'docker-registry 2.8': { start: startDockerRegistry, skip: component('docker-registry').absent },
  'go-containerregistry 0.22': {
    start: startReferrersRegistry,
    skip: component('referrers-registry').absent,
  },
  zot: { start: startZot, skip: component('zot').absent },
}

const yes = (isSo: boolean): string => (isSo ? 'yes' : 'no')

/** The cells of a registry's row, found out by asking it. */
async function probe(host: string): Promise<string[]> {
  using client = new RegistryClient()
  const base = `http://${host}/v2/team/app`
  const image = await pushTestImage(`${host}/team/app:1`)
  const other = await pushTestImage(`${host}/team/app:2`)
  await pushTestImage(`${host}/team/app:3`)
  const { bytes } = await client.getManifest(image.repository, other.digest)
  const put = async (headers: Record<string, string>): Promise<boolean> => {
    const answer = await fetch(`${base}/manifests/3`, {
      method: 'PUT',
      headers: { 'content-type': OCI_IMAGE_MANIFEST, ...headers },
      body: Buffer.from(bytes),
    })
    return answer.status === 412
  }
  const isMatchHonoured = await put({ 'if-match': '"sha256:0"' })
  const isNoneMatchHonoured = await put({ 'if-none-match': '*' })

  const bundle = { bytes: new Uint8Array([1]), predicateType: 'test/x', createdAt: new Date(0) }
  const { listedBy, digest } = await publishBundle(client, image, bundle)
  const referrer = await client.getManifest(image.repository, digest)
  const stored = await client.storeManifest(image.repository, digest, referrer)
  const { source } = await findReferrers(client, image.repository, image.digest)
  assert.equal(source, listedBy)

  const blob = new TextEncoder().encode('to be mounted')
  await client.blobs.push(image.repository, blob)
  const query = new URLSearchParams({ mount: `sha256:${sha256Hex(blob)}`, from: 'team/app' })
  const mount = await fetch(`http://${host}/v2/team/elsewhere/blobs/uploads/?${query.toString()}`, {
    method: 'POST',
  })
  const tagDeleted = await fetch(`${base}/manifests/2`, { method: 'DELETE' })
  const manifestDeleted = await fetch(`${base}/manifests/${digest}`, { method: 'DELETE' })
  return [
    listedBy === 'api' ? 'API' : 'fallback tag',
    yes(stored.subjectDigest === image.digest),
    yes(isMatchHonoured),
    yes(isNoneMatchHonoured),
    yes(mount.status === 201),
    yes(tagDeleted.status === 202),
    yes(manifestDeleted.status === 202),
  ]
}

describe('docs/registries.md', () => {
  for (const [name, { start, skip }] of Object.entries(registries)) {
    it(`says of ${name} what it does`, { skip }, async () => {
      await using registry = await start()
      const expected = await probe(registry.host)
      const text = await readFile(page, 'utf8')
      const row = text.split('\n').find((line) => line.startsWith(`| ${name} `)) ?? ''
      const cells = row
        .split('|')
        .slice(2, -1)
        .map((cell) => cell.trim())
      assert.deepEqual(cells, expected)
    })
  }
})
