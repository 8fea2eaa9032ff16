import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OCI_IMAGE_INDEX } from '../../src/format/oci-manifest.ts'
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/registry-client.ts'
import { component } from '../support/components.ts'
import { startProxy } from '../support/proxy-server.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'
import { makeCertificate, startTlsRegistry } from './certificates.ts'
import { startHostileServer } from './hostile-server.ts'
import { UNHURRIED } from './unhurried.ts'

const openssl = component('openssl')
/** A name that only the proxy knows where to find. */
const NAME = 'registry.acme.test'
const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_IMAGE_INDEX, manifests: [] })
const ONCE: RegistryClientOptions = {
  retries: { attempts: 1 },
  timeouts: UNHURRIED,
  findCredentials: () => ({ kind: 'password', username: 'me', password: 'registry-secret' }),
}

describe('a proxy', () => {
  it(
    'is asked for a tunnel to a TLS registry and sees nothing of what goes through',
    {
      skip: openssl.absent,
    },
    async () => {
      await using directory = await createTemporaryDirectory()
      const { key, certificate } = await makeCertificate(directory.path, 'server', `DNS:${NAME}`)
      await using registry = await startTlsRegistry({ key, cert: certificate })
      await using proxy = await startProxy({ port: registry.port })
      using client = new RegistryClient({
        ...ONCE,
        certificateAuthorities: [certificate],
        findCredentials: () => ({ kind: 'bearer-token', token: 'registry-secret' }),
        proxies: { https: proxy.url },
      })
      const repository = { registry: NAME, repository: 'app' }
      for (const tag of ['1', '2']) await client.getManifest(repository, tag)
      assert.deepEqual(
        proxy.seen.map(({ method, url }) => `${method} ${url}`),
        [`CONNECT ${NAME}:443`],
      )
      const authorization = `Basic ${Buffer.from('us@er:proxy-secret').toString('base64')}`
      const [tunnel] = proxy.seen
      assert.ok(tunnel !== undefined)
      assert.equal(tunnel.headers['proxy-authorization'], authorization)
      assert.equal(tunnel.headers.authorization, undefined)
      assert.equal(registry.seen.length, 2)
      assert.equal(registry.seen[0]!.headers['proxy-authorization'], undefined)
    },
  )

  it('is not trusted to be the registry', { skip: openssl.absent }, async () => {
    await using directory = await createTemporaryDirectory()
    const { key, certificate } = await makeCertificate(directory.path, 'server', 'DNS:other.test')
    await using registry = await startTlsRegistry({ key, cert: certificate })
    await using proxy = await startProxy({ port: registry.port })
    using client = new RegistryClient({
      ...ONCE,
      certificateAuthorities: [certificate],
      proxies: { https: proxy.url },
      allowHttp: true,
    })
    await assert.rejects(client.getManifest({ registry: NAME, repository: 'app' }, '1'), {
      code: 'ERR_REGISTRY_CERTIFICATE',
    })
    assert.equal(registry.seen.length, 0)
  })

  it('carries plain http where that is allowed, and is passed by where it is excepted', async () => {
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index),
    )
    await using proxy = await startProxy({ port: server.port })
    const options = { ...ONCE, allowHttp: true }
    using client = new RegistryClient({ ...options, proxies: { http: proxy.url } })
    const repository = { registry: `${NAME}:5000`, repository: 'app' }
    // That it does not speak TLS is found out first.
    await client.getManifest(repository, '1')
    assert.equal(proxy.seen.at(-1)?.url, `http://${NAME}:5000/v2/app/manifests/1`)
    const noProxy = '.acme.test:5000'
    using excepted = new RegistryClient({ ...options, proxies: { http: proxy.url, noProxy } })
    const before = proxy.seen.length
    await assert.rejects(excepted.getManifest(repository, '1'), {
      code: 'ERR_REGISTRY_UNAVAILABLE',
    })
    assert.equal(proxy.seen.length, before)
  })

  it('carries no plain http where that is not allowed, whatever the registry speaks', async () => {
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index),
    )
    await using proxy = await startProxy({ port: server.port })
    using client = new RegistryClient({ ...ONCE, proxies: { http: proxy.url, https: proxy.url } })
    await assert.rejects(client.getManifest({ registry: NAME, repository: 'app' }, '1'), {
      code: 'ERR_REGISTRY_NO_TLS',
    })
    assert.deepEqual(server.seen, [])
    assert.deepEqual(
      proxy.seen.map(({ method }) => method),
      ['CONNECT'],
    )
  })

  it('is never used for a registry on this machine', async () => {
    await using server = await startHostileServer((_request, response) =>
      response.writeHead(200, { 'content-type': OCI_IMAGE_INDEX }).end(index),
    )
    await using proxy = await startProxy(500)
    using client = new RegistryClient({ ...ONCE, proxies: { http: proxy.url, https: proxy.url } })
    await client.getManifest({ registry: server.host, repository: 'app' }, '1')
    assert.equal(proxy.seen.length, 0)
  })

  for (const [what, behaviour, code, message] of [
    ['that refuses the password', 407, 'ERR_REGISTRY_PROXY', /answered 407 instead of a tunnel/],
    ['that does not allow it', 403, 'ERR_REGISTRY_PROXY', /answered 403 instead of a tunnel/],
    ['that cannot reach it', 502, 'ERR_REGISTRY_UNAVAILABLE', /answered 502 instead of a tunnel/],
    [
      'that says nothing',
      'silent',
      'ERR_REGISTRY_UNAVAILABLE',
      /did not accept a connection|gave no tunnel/,
    ],
    ['that is not there', 'absent', 'ERR_REGISTRY_UNAVAILABLE', /cannot be reached \(ECONNREFUSED/],
  ] as const) {
    it(`${what} is told without its password`, async () => {
      await using proxy = await startProxy(behaviour === 'absent' ? 500 : behaviour)
      if (behaviour === 'absent') await proxy[Symbol.asyncDispose]()
      // Only what is never answered may run into a limit.
      const timeouts = behaviour === 'silent' ? { ...UNHURRIED, connectMs: 400 } : UNHURRIED
      using client = new RegistryClient({ ...ONCE, timeouts, proxies: { https: proxy.url } })
      await assert.rejects(
        client.getManifest({ registry: NAME, repository: 'app' }, '1'),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, code)
          assert.match(error.message, message)
          assert.ok(error.message.includes(new URL(proxy.url).host), error.message)
          const cause = error.cause as Error | undefined
          const told = [
            error.message,
            error.stack,
            cause?.message,
            cause?.stack,
            JSON.stringify(error),
          ]
          assert.doesNotMatch(told.join(' '), /proxy-secret|registry-secret|cHJveHktc2VjcmV0/)
          return true
        },
      )
      // What is given up is not left open, which would keep the program from ending.
      await until('the tunnels are closed', () => proxy.openTunnels() === 0)
    })
  }
})
