import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { buildImage, pushImage } from '../../demo/build-image.ts'
import { startEmbeddedRegistry } from '../../demo/embedded-registry.ts'
import { encodeTar } from '../../demo/tar.ts'
import { parseReference } from '../../src/format/oci-reference.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { runProgram } from '../support/child-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { startDockerRegistry } from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const skopeo = component('skopeo')
const dockerRegistry = component('docker-registry')
const python = component('python3')

describe('the image of the demo', () => {
  it('is the same each time, and arrives in the embedded registry as it was built', async () => {
    await using registry = await startEmbeddedRegistry()
    using client = new RegistryClient()
    const reference = parseReference(`${registry.host}/demo/chancery:1.0`)
    const image = await buildImage(root)
    const { digest } = await pushImage(client, reference, image)
    assert.equal(digest, image.digest)
    assert.equal((await buildImage(root)).digest, digest)
    const { manifest } = await client.getManifest(reference, '1.0')
    assert.equal(manifest.kind, 'manifest')
    assert.equal(manifest.layers.length, 2)
  })

  it(
    'is one that skopeo copies layer by layer and unpacks',
    { skip: anyAbsent(skopeo, dockerRegistry) },
    async () => {
      await using directory = await createTemporaryDirectory()
      await using registry = await startDockerRegistry()
      using client = new RegistryClient()
      const name = `${registry.host}/demo/chancery:1.0`
      await pushImage(client, parseReference(name), await buildImage(root))
      const copied = await runProgram(skopeo.path, [
        ...['--insecure-policy', 'copy', '--src-tls-verify=false', `docker://${name}`],
        `docker-archive:${join(directory.path, 'image.tar')}:demo:1.0`,
      ])
      assert.equal(copied.code, 0, copied.stderr)
    },
  )

  it('has archives that other programs read', { skip: python.absent }, async () => {
    await using directory = await createTemporaryDirectory()
    const path = join(directory.path, 'layer.tar')
    const { layers } = await buildImage(root)
    const long = `${'long/'.repeat(30)}name`
    const bytes = new TextEncoder().encode('hello')
    for (const [archive, wanted] of [
      [gunzipSync(layers[1]!), 'app/package.json'],
      [encodeTar([{ path: long, bytes }]), long],
    ] as const) {
      await writeFile(path, archive)
      const listed = await runProgram(python.path, ['-m', 'tarfile', '-l', path])
      assert.equal(listed.code, 0, listed.stderr)
      assert.match(listed.stdout, new RegExp(wanted))
    }
  })
})
