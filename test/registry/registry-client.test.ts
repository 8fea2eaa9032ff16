import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sha256Hex } from '../../src/crypto/digest.ts'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { startHostileServer } from './hostile-server.ts'
import { UNHURRIED } from './unhurried.ts'

const index = { schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] }
const bytes = new TextEncoder().encode(JSON.stringify(index))
const digest = `sha256:${sha256Hex(bytes)}`
const other = `sha256:${'ab'.repeat(32)}`

/** Does something with a registry that answers everything in one way. */
async function withAnswer<T>(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  act: (client: RegistryClient, repository: { registry: string; repository: string }) => Promise<T>,
): Promise<T> {
  await using server = await startHostileServer((_request, response) => {
    response.writeHead(status, headers).end(body)
  })
  using client = new RegistryClient({ retries: { attempts: 1 }, timeouts: UNHURRIED })
  return await act(client, { registry: server.host, repository: 'team/app' })
}

describe('a manifest', () => {
  const push = (status: number, headers: Readonly<Record<string, string>> = {}, body = '') =>
    withAnswer(status, headers, body, (client, repository) =>
      client.storeManifest(repository, '1', { mediaType: OCI_IMAGE_INDEX, bytes }),
    )

  it('is stored where the registry says so, under the digest that it has', async () => {
    const nothing = { digest, subjectDigest: undefined }
    assert.deepEqual(await push(201), nothing)
    assert.deepEqual(await push(201, { 'docker-content-digest': digest }), nothing)
    // Of another algorithm there is nothing to compare.
    assert.deepEqual(await push(201, { 'docker-content-digest': 'sha512:ab' }), nothing)
    assert.equal((await push(201, { 'oci-subject': other })).subjectDigest, other)
    await assert.rejects(push(201, { 'docker-content-digest': other }), {
      code: 'ERR_REGISTRY_DIGEST',
    })
  })

  for (const [status, code] of [
    [200, 'ERR_REGISTRY_BAD_ANSWER'],
    [202, 'ERR_REGISTRY_BAD_ANSWER'],
    [204, 'ERR_REGISTRY_BAD_ANSWER'],
    [400, 'ERR_REGISTRY_REFUSED'],
    [401, 'ERR_REGISTRY_UNAUTHORIZED'],
    [403, 'ERR_REGISTRY_FORBIDDEN'],
    [404, 'ERR_REGISTRY_NOT_FOUND'],
    [412, 'ERR_REGISTRY_PRECONDITION'],
    [413, 'ERR_REGISTRY_REFUSED'],
    [500, 'ERR_REGISTRY_UNAVAILABLE'],
  ] as const) {
    it(`is not stored where the registry answers ${status}`, async () => {
      await assert.rejects(push(status), { code })
    })
  }

  it('is not stored where the answer does not end', async () => {
    await assert.rejects(push(201, {}, 'x'.repeat(64 * 1024 + 1)), {
      code: 'ERR_REGISTRY_TOO_LARGE',
    })
  })

  const remove = (status: number) =>
    withAnswer(status, {}, '', (client, repository) => client.deleteManifest(repository, digest))

  it('is removed, or was not there, where the registry says so', async () => {
    assert.deepEqual([await remove(202), await remove(200), await remove(404)], [true, true, false])
  })

  for (const [status, code] of [
    [204, 'ERR_REGISTRY_BAD_ANSWER'],
    [400, 'ERR_REGISTRY_NO_DELETE'],
    [401, 'ERR_REGISTRY_UNAUTHORIZED'],
    [403, 'ERR_REGISTRY_FORBIDDEN'],
    [405, 'ERR_REGISTRY_NO_DELETE'],
    [500, 'ERR_REGISTRY_UNAVAILABLE'],
  ] as const) {
    it(`is not removed where the registry answers ${status}`, async () => {
      await assert.rejects(remove(status), { code })
    })
  }
})

describe('a blob', () => {
  const get = (status: number, body: string | Uint8Array, maxBytes = bytes.length) =>
    withAnswer(status, {}, body, (client, repository) =>
      client.blobs.get(repository, digest, maxBytes),
    )

  it('is the bytes of its digest, and no others', async () => {
    assert.deepEqual(new Uint8Array(await get(200, bytes)), bytes)
    const changed = Uint8Array.from(bytes, (byte, at) => (at === 0 ? byte ^ 1 : byte))
    for (const wrong of [changed, bytes.subarray(1), new Uint8Array()]) {
      await assert.rejects(get(200, wrong), { code: 'ERR_REGISTRY_DIGEST' })
    }
    await assert.rejects(get(200, bytes, bytes.length - 1), { code: 'ERR_REGISTRY_TOO_LARGE' })
  })

  for (const [status, code] of [
    [201, 'ERR_REGISTRY_BAD_ANSWER'],
    [206, 'ERR_REGISTRY_BAD_ANSWER'],
    [403, 'ERR_REGISTRY_FORBIDDEN'],
    [404, 'ERR_REGISTRY_NOT_FOUND'],
    [500, 'ERR_REGISTRY_UNAVAILABLE'],
  ] as const) {
    it(`is not there where the registry answers ${status}, whatever it sends`, async () => {
      await assert.rejects(get(status, bytes), { code })
    })
  }

  for (const status of [200, 204, 400, 403, 404, 500]) {
    it(`is not pushed where the upload is answered with ${status}`, async () => {
      let asked = 0
      await using server = await startHostileServer((request, response) => {
        if (request.method === 'HEAD') response.writeHead(404).end()
        else if (request.method === 'POST') {
          response.writeHead(202, { location: '/upload' }).end()
        } else response.writeHead((asked++, status)).end()
      })
      using client = new RegistryClient({ retries: { attempts: 1 }, timeouts: UNHURRIED })
      const repository = { registry: server.host, repository: 'team/app' }
      await assert.rejects(client.blobs.push(repository, bytes), { name: 'ChanceryError' })
      // What may have failed for a moment is tried once more.
      assert.equal(asked, status === 500 ? 2 : 1)
    })
  }
})

describe('a repository that must not be spoken to', () => {
  it('is not, whatever is asked for', async () => {
    await using server = await startHostileServer((_request, response) => response.end())
    const refusal = new ChanceryError('ERR_REGISTRY_BLOCKED', 'it is blocked')
    using client = new RegistryClient({
      timeouts: UNHURRIED,
      requireAllowed: ({ repository }) => {
        if (repository === 'team/app') throw refusal
      },
    })
    const at = (repository: string) => ({ registry: server.host, repository })
    const blocked = at('team/app')
    const acts: Readonly<Record<string, () => Promise<unknown>>> = {
      getManifest: () => client.getManifest(blocked, '1'),
      storeManifest: () =>
        client.storeManifest(blocked, '1', { mediaType: OCI_IMAGE_INDEX, bytes }),
      deleteManifest: () => client.deleteManifest(blocked, digest),
      getBlob: () => client.blobs.get(blocked, digest, 100),
      pushBlob: () => client.blobs.push(blocked, bytes),
    }
    for (const [what, act] of Object.entries(acts)) {
      await assert.rejects(act(), refusal, what)
    }
    assert.equal(server.seen.length, 0)
    await client.deleteManifest(at('team/other'), digest)
    assert.equal(server.seen.filter(({ url }) => url.includes('team/other')).length, 1)
  })
})
