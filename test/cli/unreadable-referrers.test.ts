import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { SIGSTORE_BUNDLE } from '../../src/format/bundle-writer.ts'
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../src/format/oci-manifest.ts'
import { startChangedRegistry } from '../registry/changed-registry.ts'
import { digestOf, encodeJson } from '../registry/map-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

/** What somebody who may push can have listed beside an image where the registry looks at nothing. */
function unreadable(image: string) {
  const gone = encodeJson('gone')
  const layer = { mediaType: SIGSTORE_BUNDLE, digest: digestOf(gone), size: gone.length }
  const manifest = (one: object) =>
    encodeJson({
      schemaVersion: 2,
      mediaType: OCI_IMAGE_MANIFEST,
      artifactType: SIGSTORE_BUNDLE,
      config: layer,
      layers: [one],
      subject: { mediaType: OCI_IMAGE_MANIFEST, digest: image, size: 1 },
    })
  return {
    'data that is no text': manifest({ ...layer, data: 5 }),
    'data of something else': manifest({ ...layer, data: 'e30=' }),
    'a layer that is not there': manifest(layer),
    'no JSON': new TextEncoder().encode('<html>'),
  }
}

it('sign and attest go on beside referrers that nobody can read, and find their own among them', async () => {
  await using directory = await createTemporaryDirectory()
  const run = (...args: readonly string[]) =>
    runChancery(args, {
      cwd: directory.path,
      env: { HOME: directory.path, COSIGN_PASSWORD: '' },
    })
  await run('generate-key-pair')
  await writeFile(join(directory.path, 'predicate.json'), '{"x":1}')
  const listed = new Map<string, Uint8Array>()
  await using registry = await startChangedRegistry(async ({ method, url = '' }, _body, origin) => {
    const bytes = listed.get(url.split('/').at(-1) ?? '')
    const headers = { 'content-type': OCI_IMAGE_MANIFEST }
    if (bytes !== undefined) return { status: 200, headers, body: Buffer.from(bytes).toString() }
    if (method !== 'GET' || !url.includes('/referrers/')) return undefined
    const index = (await (await fetch(`${origin}${url}`)).json()) as { manifests: object[] }
    const more = Array.from(listed, ([digest, { length }]) => ({
      mediaType: OCI_IMAGE_MANIFEST,
      artifactType: SIGSTORE_BUNDLE,
      digest,
      size: length,
    }))
    const body = JSON.stringify({ ...index, manifests: [...more, ...index.manifests] })
    return { status: 200, headers: { 'content-type': OCI_IMAGE_INDEX }, body }
  })
  const image = await pushTestImage(`${registry.host}/team/app:1`)
  const predicate = ['--type', 'https://acme.test/x/v1', '--predicate', 'predicate.json']
  const commands = [['sign'], ['attest', ...predicate], ['attest', '--replace', ...predicate]]
  for (const [name, bytes] of Object.entries(unreadable(image.digest))) {
    listed.clear()
    listed.set(digestOf(bytes), bytes)
    for (const [command = '', ...flags] of commands) {
      const args = [command, '--key', 'cosign.key', ...flags, image.byDigest]
      const { code, stderr } = await run(...args)
      assert.equal(code, 0, `${name}: ${stderr}`)
      const again = await run(...args)
      assert.match(again.stderr, /^already (signed|attested):/m, name)
    }
  }
})
