import assert from 'node:assert/strict'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeCertificate, startTlsRegistry } from '../registry/certificates.ts'
import { startHostileServer } from '../registry/hostile-server.ts'
import { runChancery } from '../support/chancery-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const openssl = component('openssl')

/** Two registries that want to know who asks, and a user without any configuration. */
async function prepare() {
  const directory = await createTemporaryDirectory()
  const start = () =>
    startHostileServer((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    })
  const [one, other] = [await start(), await start()]
  const env = { HOME: directory.path, COSIGN_PASSWORD: '' }
  return {
    one,
    other,
    images: [`${one.host}/app:1`, `${other.host}/app:1`] as const,
    path: (name: string) => join(directory.path, name),
    run: (...args: readonly string[]) => runChancery(args, { cwd: directory.path, env }),
    shownTo: ({ seen }: typeof one) =>
      new Set(seen.map(({ headers }) => headers.authorization ?? 'nothing')),
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`

describe('what flags show to one registry', () => {
  it('goes to no other: a password, a token, a client certificate', async () => {
    await using flow = await prepare()
    assert.equal((await flow.run('generate-key-pair')).code, 0)
    const key = (name: string) => ['--key', flow.path(name)]
    for (const command of [
      ['verify', ...key('cosign.pub')],
      ['verify-attestation', '--type=custom', ...key('cosign.pub')],
      ['sign', ...key('cosign.key')],
      ['attest', '--predicate=cosign.pub', ...key('cosign.key')],
      ['copy'],
    ]) {
      for (const secret of [
        ['--registry-token=secret'],
        ['--registry-username=user', '--registry-password=secret'],
        ['--registry-client-cert=secret', '--registry-client-key=secret'],
      ]) {
        const { code, stderr } = await flow.run(...command, ...secret, ...flow.images)
        assert.equal(code, 2, stderr)
        assert.match(stderr, /expected images of one registry/)
        assert.doesNotMatch(stderr, /secret/)
        if (command[0] === 'copy') assert.match(stderr, /--src-creds/)
      }
    }
    assert.equal(flow.one.seen.length + flow.other.seen.length, 0)
    const [image] = flow.images
    await flow.run('verify', ...key('cosign.pub'), '--registry-token=secret', image, image)
    assert.ok(flow.shownTo(flow.one).has('Bearer secret'))
  })

  it('goes to both sides of a copy inside one registry', async () => {
    await using flow = await prepare()
    const [image] = flow.images
    await flow.run('copy', '--registry-token=secret', image, `${image}-copy`)
    assert.ok(flow.shownTo(flow.one).has('Bearer secret'))
  })

  it('is the side of a copy that it names', async () => {
    await using flow = await prepare()
    const sides = ['--src-creds=reader:one:1', '--dest-registry-token=two']
    await flow.run('copy', ...sides, ...flow.images)
    assert.deepEqual(flow.shownTo(flow.one), new Set(['nothing', basic('reader:one:1')]))
    await using source = await startHostileServer((_request, response) => {
      const type = 'application/vnd.oci.image.index.v1+json'
      response.writeHead(200, { 'content-type': type })
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] }))
    })
    const [, target] = flow.images
    for (const [flag, shown] of [
      ['--dest-creds=writer:two', basic('writer:two')],
      ['--dest-registry-token=two', 'Bearer two'],
    ] as const) {
      const { code } = await flow.run('copy', flag, `${source.host}/app:1`, target)
      assert.equal(code, 3)
      assert.ok(flow.shownTo(flow.other).has(shown))
      assert.deepEqual(flow.shownTo(source), new Set(['nothing']))
    }
  })

  it('is not guessed where it is not clear', async () => {
    await using flow = await prepare()
    for (const [flags, message] of [
      [['--src-creds=a:secret', '--registry-token=secret'], /without --registry-token/],
      [['--src-creds=a:secret', '--src-registry-token=secret'], /one of --src-creds and/],
      [['--dest-creds=secret'], /--dest-creds as USER:PASSWORD/],
      [['--dest-creds=:secret'], /--dest-creds as USER:PASSWORD/],
      [['--src-cert-dir=absent'], /absent cannot be used: it cannot be read/],
    ] as const) {
      const { code, stderr } = await flow.run('copy', ...flags, ...flow.images)
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /secret/)
    }
    assert.equal(flow.one.seen.length + flow.other.seen.length, 0)
  })
})

it(
  'each side of a copy is shown its own client certificate',
  { skip: openssl.absent },
  async () => {
    await using directory = await createTemporaryDirectory()
    const server = await makeCertificate(directory.path, 'server', 'IP:127.0.0.1')
    const side = async (stem: string) => {
      const own = join(directory.path, `for-${stem}`)
      await mkdir(own)
      const client = await makeCertificate(directory.path, stem, `DNS:${stem}`)
      await copyFile(join(directory.path, 'server.crt'), join(own, 'ca.crt'))
      await copyFile(client.certificateFile, join(own, `${stem}.cert`))
      await copyFile(client.keyFile, join(own, `${stem}.key`))
      const registry = await startTlsRegistry({
        ...{ key: server.key, cert: server.certificate, ca: client.certificate },
        ...{ requestCert: true, rejectUnauthorized: true },
      })
      return {
        own,
        image: `127.0.0.1:${registry.port}/app:1`,
        shown: () => new Set(registry.seen.map((one) => one.client)),
        [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
      }
    }
    await using from = await side('reader')
    await using to = await side('writer')
    await runChancery(
      ['copy', '--src-cert-dir', from.own, '--dest-cert-dir', to.own, from.image, to.image],
      { env: { HOME: directory.path } },
    )
    assert.deepEqual(from.shown(), new Set(['reader']))
    assert.deepEqual(to.shown(), new Set(['writer']))
  },
)
