import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { signatureTag } from '../../src/registry/signature-manifest.ts'
import { startChangedRegistry } from '../registry/changed-registry.ts'
import { runChancery } from '../support/chancery-process.ts'
import { pushTestImage } from '../support/images.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

describe('an image that is signed again', () => {
  it('has what its signature is over put back where it is gone', async () => {
    let gone = 'nothing'
    await using registry = await startChangedRegistry(({ method, url = '' }) => {
      if (method === 'GET' && url.endsWith(`/blobs/${gone}`)) return { status: 404, body: '{}' }
      // What is uploaded is there again.
      if (method === 'PUT' && url.includes(encodeURIComponent(gone))) gone = 'nothing'
      return undefined
    })
    await using directory = await createTemporaryDirectory()
    const image = await pushTestImage(`${registry.host}/team/app:1`)
    const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
    const run = (...args: readonly string[]) => runChancery(args, { cwd: directory.path, env })
    await run('generate-key-pair')
    const sign = () =>
      run('sign', '--key', 'cosign.key', '--signature-format', 'legacy', image.byDigest)
    assert.equal((await sign()).code, 0)
    using client = new RegistryClient()
    const { manifest } = await client.getManifest(image.repository, signatureTag(image.digest))
    assert.ok(manifest.kind === 'manifest')
    gone = manifest.layers[0]?.digest ?? ''
    const restored = await sign()
    assert.equal(restored.code, 0, restored.stderr)
    assert.match(restored.stderr, /was gone; it is there again/)
    assert.match(restored.stderr, /^already signed: /m)
    assert.equal(gone, 'nothing')
    assert.doesNotMatch((await sign()).stderr, /gone/)
  })
})
