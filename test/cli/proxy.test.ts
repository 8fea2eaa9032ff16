import assert from 'node:assert/strict'
import { it } from 'node:test'
import { runChancery } from '../support/chancery-process.ts'
import { startProxy, type RunningProxy } from '../support/proxy-server.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

/** Asks a server for its organizations by way of a proxy, and fails. */
async function ask(proxy: RunningProxy, url: string, noProxy?: string) {
  await using home = await createTemporaryDirectory()
  const env = {
    HOME: home.path,
    HTTPS_PROXY: proxy.url,
    HTTP_PROXY: proxy.url,
    NO_PROXY: noProxy,
    CHANCERY_ORGANIZATION: '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
    CHANCERY_TOKEN: 'token-secret',
  }
  const asked = proxy.seen.length
  const { code, stderr } = await runChancery(['users', 'list', '--url', url], { env })
  assert.equal(code, 6, stderr)
  assert.doesNotMatch(stderr, /secret/)
  return { stderr, asked: proxy.seen.slice(asked).map((one) => `${one.method} ${one.url}`) }
}

it('a server is reached through the proxy of the environment, by the rules for registries', async () => {
  await using proxy = await startProxy(403)
  const url = 'https://chancery.acme.test/signing'
  for (const noProxy of [undefined, 'other.test', 'cery.acme.test', 'chancery.acme.test:8443']) {
    const { asked } = await ask(proxy, url, noProxy)
    assert.deepEqual(asked, ['CONNECT chancery.acme.test:443'], noProxy)
  }
  // A name excepts all below it, as docker, podman and cosign have it; Node's own rule is another one.
  for (const noProxy of ['acme.test', 'localhost, acme.test:443']) {
    const { asked, stderr } = await ask(proxy, url, noProxy)
    assert.deepEqual(asked, [], noProxy)
    assert.doesNotMatch(stderr, /through|PROXY/)
  }
  assert.deepEqual((await ask(proxy, 'http://127.0.0.1:1')).asked, [])
})

for (const [behaviour, found, hint] of [
  [403, /found 403 of the proxy/, /NO_PROXY/],
  [407, /found 407 of the proxy/, /percent-encoded/],
  ['absent', /found ECONNREFUSED/, /Check HTTPS_PROXY/],
] as const) {
  it(`a proxy before a server is named where it does not help (${behaviour}), without its password`, async () => {
    await using proxy = await startProxy(behaviour === 'absent' ? 500 : behaviour)
    if (behaviour === 'absent') await proxy[Symbol.asyncDispose]()
    const { stderr } = await ask(proxy, 'https://chancery.acme.test')
    assert.ok(stderr.includes(`through ${new URL(proxy.url).host}, to answer`), stderr)
    assert.match(stderr, found)
    assert.match(stderr, hint)
    assert.equal(stderr.includes('trying again'), behaviour === 'absent')
  })
}
