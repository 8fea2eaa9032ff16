import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { startHostileServer, type HostileServer } from '../registry/hostile-server.ts'
import { runChancery } from '../support/chancery-process.ts'
import { anyAbsent, component } from '../support/components.ts'
import { pushTestImage, type PushedImage } from '../support/images.ts'
import {
  startDockerRegistry,
  startReferrersRegistry,
  type RunningRegistry,
} from '../support/registries.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const absent = anyAbsent(component('docker-registry'), component('referrers-registry'))

/** Passes what it is asked on to a registry, and keeps a list of it. */
function startFront(host: string): Promise<HostileServer> {
  return startHostileServer((request, response) => {
    void fetch(`http://${host}${request.url}`, {
      headers: { accept: request.headers.accept ?? '*/*' },
    }).then(async (answer) => {
      const type = answer.headers.get('content-type') ?? 'text/plain'
      response.writeHead(answer.status, { 'content-type': type })
      response.end(Buffer.from(await answer.arrayBuffer()))
    })
  })
}

/** Puts an image, and nothing that belongs to it, into `mirrored/app` of another registry, under the tag 1. */
async function mirror(image: PushedImage, registry: string): Promise<void> {
  using client = new RegistryClient()
  const place = { registry, repository: 'mirrored/app' }
  const pulled = await client.getManifest(image.repository, image.digest)
  assert.ok(pulled.manifest.kind === 'manifest')
  for (const { digest, size } of [pulled.manifest.config, ...pulled.manifest.layers]) {
    await client.blobs.push(place, await client.blobs.get(image.repository, digest, size))
  }
  await client.pushManifest(place, '1', pulled)
}

/** An image at its origin, a mirror that has it, too, a key pair, and a directory for `registries.conf`. */
async function prepare(start: () => Promise<RunningRegistry> = startReferrersRegistry) {
  const resources = new AsyncDisposableStack()
  const origin = resources.use(await start())
  const behind = resources.use(await startDockerRegistry())
  const front = resources.use(await startFront(behind.host))
  const directory = resources.use(await createTemporaryDirectory())
  const image = await pushTestImage(`${origin.host}/team/app:1`)
  await mirror(image, behind.host)
  const path = (name: string) => join(directory.path, name)
  const run = (...args: readonly string[]) =>
    runChancery(args, {
      cwd: directory.path,
      env: {
        HOME: directory.path,
        COSIGN_PASSWORD: '',
        CONTAINERS_REGISTRIES_CONF: path('registries.conf'),
      },
    })
  const must = async (...args: readonly string[]) => {
    const finished = await run(...args)
    assert.equal(finished.code, 0, finished.stderr)
    return finished
  }
  const configure = (text: string) => writeFile(path('registries.conf'), text)
  await configure('')
  await must('generate-key-pair')
  return {
    origin,
    front,
    image,
    tag: `${origin.host}/team/app:1`,
    path,
    run,
    must,
    configure,
    useMirror: (host = front.host, more = '') =>
      configure(
        `[[registry]]\nlocation = "${origin.host}/team"\n[[registry.mirror]]\nlocation = "${host}/mirrored"\n${more}`,
      ),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

const SIGN = ['sign', '--key', 'cosign.key', '--tlog-upload=false']
const VERIFY = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog']

describe('reading through mirrors', { skip: absent }, () => {
  for (const [name, start] of Object.entries({ startReferrersRegistry, startDockerRegistry })) {
    it(`finds at the origin what the mirror does not have of an image (${name})`, async () => {
      await using flow = await prepare(start)
      await flow.useMirror()
      await flow.must(...SIGN, flow.tag)
      assert.equal(flow.front.seen.length, 0, 'what signs does not ask a mirror')
      const verified = await flow.must(...VERIFY, flow.tag)
      assert.match(verified.stderr, /tags are read from the mirror/)
      await flow.must('tree', flow.image.byDigest)
      await flow.must('save', '--dir', 'saved', flow.image.byDigest)
      const asked = flow.front.seen.map(({ url }) => url)
      assert.ok(asked.includes('/v2/mirrored/app/manifests/1'))
      assert.ok(asked.includes(`/v2/mirrored/app/manifests/${flow.image.digest}`))
      assert.ok(asked.some((url) => url.includes('/blobs/')))
      assert.deepEqual(
        asked.filter((url) => /referrers|sha256-/.test(url)),
        [],
        'what belongs to an image is never asked of a mirror',
      )
      const written = flow.front.seen.length
      for (const args of [
        ['generate', flow.tag],
        ['copy', flow.tag, `${flow.origin.host}/team/copied:1`],
      ]) {
        await flow.must(...args)
      }
      assert.equal(flow.front.seen.length, written, 'what writes does not ask a mirror')
    })
  }

  it('is nothing that writes: what decides it comes from the registry itself', async () => {
    await using flow = await prepare(startDockerRegistry)
    await flow.must('save', '--dir', 'saved', flow.tag)
    await flow.useMirror()
    const key = ['--key', 'cosign.key']
    const made = ['--output-payload', 'payload.json', '--output-signature', 'payload.sig']
    await flow.must(...SIGN, '--no-publish', '--signature-format', 'legacy', ...made, flow.tag)
    const files = ['--payload', 'payload.json', '--signature', 'payload.sig']
    await flow.must('attach', 'signature', ...files, '--key', 'cosign.pub', flow.tag)
    await writeFile(flow.path('predicate.json'), '{}')
    const predicate = ['--type', 'https://acme.test/v1', '--predicate', 'predicate.json']
    const attest = ['attest', ...key, ...predicate]
    await flow.must(...attest, '--no-publish', '--bundle', 'bundle.json', flow.tag)
    await flow.must('attach', 'attestation', '--attestation', 'bundle.json', flow.tag)
    for (const command of [
      [...attest, '--replace', flow.tag],
      ['triangulate', '--type', 'digest', flow.tag],
      ['load', '--dir', 'saved', flow.tag],
      ['load', '--dir', 'saved', `${flow.origin.host}/team/loaded:1`],
      ['copy', '--force', flow.tag, `${flow.origin.host}/team/loaded:1`],
      ['clean', '--dry-run', flow.tag],
      ['clean', '--force', flow.tag],
    ]) {
      await flow.must(...command)
      assert.deepEqual(flow.front.seen, [], command.join(' '))
    }
    const unsigned = await flow.run(...VERIFY, flow.tag)
    assert.equal(unsigned.code, 1, unsigned.stderr)
  })

  it('is told of by the help of the commands that do it, and no other', async () => {
    for (const [isTold, command] of [
      [true, 'verify'],
      [true, 'verify-attestation'],
      [true, 'tree'],
      [true, 'download signature'],
      [true, 'download attestation'],
      [true, 'save'],
      [false, 'copy'],
      [false, 'clean'],
      [false, 'generate'],
      [false, 'sign'],
    ] as const) {
      const { stdout } = await runChancery([...command.split(' '), '--help'])
      assert.equal(stdout.includes('registries.conf'), isTold, command)
    }
  })

  it('finds an image unsigned only if its origin says so, and never if that does not answer', async () => {
    await using flow = await prepare()
    await flow.useMirror()
    const unsigned = await flow.run(...VERIFY, flow.tag)
    assert.equal(unsigned.code, 1, unsigned.stderr)
    await flow.origin[Symbol.asyncDispose]()
    const unknown = await flow.run(...VERIFY, flow.tag)
    assert.equal(unknown.code, 6, unknown.stderr)
    assert.ok(flow.front.seen.some(({ url }) => url === '/v2/mirrored/app/manifests/1'))
  })

  it('passes by a mirror with other bytes, one that is down and one that fails, and says so once', async () => {
    await using flow = await prepare()
    await flow.must(...SIGN, flow.tag)
    await using wrong = await startHostileServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' })
      response.end('{"schemaVersion":2}')
    })
    await using failing = await startHostileServer((_request, response) => {
      response.writeHead(403).end()
    })
    // No port that a program is given when it asks for any.
    const down = '127.0.0.1:9'
    const more = [down, failing.host].map((one) => `[[registry.mirror]]\nlocation = "${one}"\n`)
    await flow.useMirror(wrong.host, more.join(''))
    const verified = await flow.must(...VERIFY, flow.image.byDigest)
    const said = verified.stderr.split('\n').filter((line) => line.includes('not used any more'))
    assert.equal(said.length, 3, verified.stderr)
    assert.match(said[0]!, new RegExp(`${wrong.host}/mirrored .*sent other bytes than asked for`))
    assert.equal(wrong.seen.filter(({ url }) => url.includes('/manifests/')).length, 1)
  })

  it('takes no small blob from a mirror that has other bytes for it', async () => {
    await using flow = await prepare()
    await using wrong = await startHostileServer((request, response) => {
      if (request.url!.includes('/blobs/')) response.writeHead(200).end('other bytes')
      else response.writeHead(404).end()
    })
    await flow.useMirror(wrong.host)
    const saved = await flow.must('save', '--dir', 'saved', flow.tag)
    assert.match(saved.stderr, /not used any more/)
    assert.ok(wrong.seen.some(({ url }) => url.includes('/blobs/')))
    await flow.configure('')
    await flow.must('load', '--dir', 'saved', `${flow.origin.host}/loaded/app:1`)
  })

  it('gives a mirror its own credentials and nothing of the flags', async () => {
    await using flow = await prepare()
    await using asking = await startHostileServer((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="mirror"' }).end()
    })
    await flow.useMirror(asking.host)
    const sent = () => asking.seen.map(({ headers }) => headers.authorization ?? '')
    const password = ['--registry-username', 'me', '--registry-password', 'of-the-origin']
    for (const flags of [password, ['--registry-token', 'of-the-origin']]) {
      await flow.must('tree', ...flags, flow.tag)
    }
    assert.ok(sent().length > 0)
    assert.deepEqual(
      sent().filter((one) => one !== ''),
      [],
    )
    await mkdir(flow.path('.docker'))
    const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
    const auths = { [asking.host]: auth('me:mirror'), [flow.origin.host]: auth('me:origin') }
    await writeFile(flow.path('.docker/config.json'), JSON.stringify({ auths }))
    await flow.must('tree', flow.tag)
    const own = `Basic ${auth('me:mirror').auth}`
    assert.deepEqual([...new Set(sent().filter((one) => one !== ''))], [own])
  })

  it('asks a mirror for tags or digests only where it is so configured', async () => {
    await using flow = await prepare()
    for (const [use, isWanted] of [
      ['digest-only', (url: string) => url.includes('sha256:')],
      ['tag-only', (url: string) => url.endsWith('/manifests/1')],
    ] as const) {
      await flow.useMirror(flow.front.host, `pull-from-mirror = "${use}"\n`)
      const before = flow.front.seen.length
      await flow.must('save', '--dir', use, flow.tag)
      const asked = flow.front.seen.slice(before).filter(({ url }) => url !== '/v2/')
      assert.ok(asked.length > 0)
      for (const { url } of asked) assert.ok(isWanted(url), url)
    }
  })

  it('reads a repository where it was moved, signatures, too, under the name that was signed', async () => {
    await using flow = await prepare()
    await flow.must(...SIGN, flow.tag)
    await flow.configure(
      `[[registry]]\nprefix = "registry.acme.test/team"\nlocation = "${flow.origin.host}/team"\n`,
    )
    const elsewhere = 'registry.acme.test/team/app:1'
    const refused = await flow.run(...VERIFY, elsewhere)
    assert.equal(refused.code, 1, refused.stderr)
    const identity = ['--allow-identity', `${flow.origin.host}/team/app`]
    await flow.must(...VERIFY, ...identity, elsewhere)
  })

  it('speaks to no registry that is blocked, in no command, whatever its name is written like', async () => {
    await using flow = await prepare()
    await flow.configure(
      '[[registry]]\nprefix = "docker.io"\nblocked = true\n' +
        `[[registry]]\nlocation = "${flow.origin.host}/team"\nblocked = true\n`,
    )
    for (const [name, command] of [
      ['busybox', VERIFY],
      ['registry-1.docker.io/library/x', ['generate']],
      [flow.tag, VERIFY],
      [flow.tag, SIGN],
      [flow.tag, ['clean', '--force']],
    ] as const) {
      const { code, stderr } = await flow.run(...command, name)
      assert.ok(code !== 0 && stderr.includes('is blocked in registries.conf'), stderr)
    }
  })

  it('does nothing where the file cannot be read, is missing or is not understood', async () => {
    await using flow = await prepare()
    for (const text of ['[[registry]', '[[registry]]\nlocation = "a.test"\nblockd = true\n']) {
      await flow.configure(text)
      for (const command of ['tree', 'clean', 'generate']) {
        const { code, stderr } = await flow.run(command, flow.tag)
        assert.equal(code, 2, stderr)
        assert.match(stderr, /registries\.conf cannot be used: /)
      }
    }
  })
})
