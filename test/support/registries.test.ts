import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { runProgram } from './child-process.ts'
import { anyAbsent, component } from './components.ts'
import {
  startDockerRegistry,
  startReferrersRegistry,
  startZot,
  type RunningRegistry,
} from './registries.ts'

const indexMediaType = 'application/vnd.oci.image.index.v1+json'
const emptyIndex = JSON.stringify({ schemaVersion: 2, mediaType: indexMediaType, manifests: [] })

/** Pushes one manifest as `team/app:v1` and returns its digest. */
async function push(registry: RunningRegistry): Promise<string> {
  const pushed = await fetch(`http://${registry.host}/v2/team/app/manifests/v1`, {
    method: 'PUT',
    headers: { 'content-type': indexMediaType },
    body: emptyIndex,
  })
  assert.equal(pushed.status, 201, await pushed.text())
  const digest = pushed.headers.get('docker-content-digest') ?? ''
  assert.match(digest, /^sha256:[0-9a-f]{64}$/)
  return digest
}

/** Pushes one manifest and asks for it and for its referrers. */
async function tryOut(registry: RunningRegistry): Promise<{ pulled: string; referrers: number }> {
  const repository = `http://${registry.host}/v2/team/app`
  const digest = await push(registry)
  const pulled = await fetch(`${repository}/manifests/v1`, { headers: { accept: indexMediaType } })
  const referrers = await fetch(`${repository}/referrers/${digest}`)
  await referrers.arrayBuffer()
  return { pulled: await pulled.text(), referrers: referrers.status }
}

describe('real registries', () => {
  it(
    'docker-registry keeps manifests and has no referrers API',
    { skip: component('docker-registry').absent },
    async () => {
      await using registry = await startDockerRegistry()
      assert.deepEqual(await tryOut(registry), { pulled: emptyIndex, referrers: 404 })
    },
  )

  it(
    'the registry with referrers has that API',
    { skip: component('referrers-registry').absent },
    async () => {
      await using registry = await startReferrersRegistry()
      assert.deepEqual(await tryOut(registry), { pulled: emptyIndex, referrers: 200 })
    },
  )

  it('zot has the referrers API', { skip: component('zot').absent }, async () => {
    await using registry = await startZot()
    assert.deepEqual(await tryOut(registry), { pulled: emptyIndex, referrers: 200 })
  })
})

describe('real clients', () => {
  const registryProgram = component('docker-registry')
  const skopeo = component('skopeo')

  it('skopeo reads a registry', { skip: anyAbsent(registryProgram, skopeo) }, async () => {
    await using registry = await startDockerRegistry()
    await push(registry)
    const image = `docker://${registry.host}/team/app:v1`
    const args = ['inspect', '--raw', '--tls-verify=false', image]
    const inspected = await runProgram(skopeo.path, args)
    assert.deepEqual([inspected.code, inspected.stdout], [0, emptyIndex], inspected.stderr)
  })

  for (const name of ['cosign-2', 'cosign-3'] as const) {
    const cosign = component(name)

    it(`${name} reads a registry`, { skip: anyAbsent(registryProgram, cosign) }, async () => {
      await using registry = await startDockerRegistry()
      const digest = await push(registry)
      const args = ['triangulate', '--allow-http-registry', `${registry.host}/team/app:v1`]
      const told = await runProgram(cosign.path, args)
      const expected = `${registry.host}/team/app:${digest.replace(':', '-')}.sig\n`
      assert.deepEqual([told.code, told.stdout], [0, expected], told.stderr)
    })
  }
})
