import assert from 'node:assert/strict'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  certificateDirectories,
  certificatesIn,
} from '../../src/registry/certificate-directories.ts'
import { RegistryClient } from '../../src/registry/registry-client.ts'
import { runProgram, startProgram } from '../support/child-process.ts'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { makeCertificate, startTlsRegistry } from './certificates.ts'
import { UNHURRIED } from './unhurried.ts'

const openssl = component('openssl')

/** A registry with a certificate of its own for 127.0.0.1, which may want one of its clients. */
async function startRegistry(demand?: 'asks' | 'insists') {
  const directory = await createTemporaryDirectory()
  const server = await makeCertificate(directory.path, 'server', 'IP:127.0.0.1')
  const client = await makeCertificate(directory.path, 'client', 'DNS:client')
  const registry = await startTlsRegistry({
    key: server.key,
    cert: server.certificate,
    ...(demand === undefined ? {} : { requestCert: true, ca: client.certificate }),
    rejectUnauthorized: demand === 'insists',
  })
  const at = (host: string) => ({ registry: `${host}:${registry.port}`, repository: 'app' })
  return {
    repository: at('127.0.0.1'),
    otherName: at('localhost'),
    certificate: server.certificate,
    client,
    directory: directory.path,
    seen: registry.seen,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

describe('a registry with a private CA', { skip: openssl.absent }, () => {
  it('is spoken to by TLS where its certificate is named', async () => {
    await using registry = await startRegistry()
    using client = new RegistryClient({
      timeouts: UNHURRIED,
      certificateAuthorities: [registry.certificate],
    })
    const { manifest } = await client.getManifest(registry.repository, '1')
    assert.equal(manifest.kind, 'index')
  })

  it('is not spoken to otherwise, by TLS or without, whatever the environment says', async () => {
    await using registry = await startRegistry()
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      using client = new RegistryClient({ timeouts: UNHURRIED, allowHttp: true })
      await assert.rejects(client.getManifest(registry.repository, '1'), {
        code: 'ERR_REGISTRY_CERTIFICATE',
      })
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
    assert.equal(registry.seen.length, 0)
  })

  it('is not spoken to by a name that its certificate does not have, unless that is named', async () => {
    await using registry = await startRegistry()
    const certificateAuthorities = [registry.certificate]
    using client = new RegistryClient({ timeouts: UNHURRIED, certificateAuthorities })
    await assert.rejects(client.getManifest(registry.otherName, '1'), {
      code: 'ERR_REGISTRY_CERTIFICATE',
    })
    assert.equal(registry.seen.length, 0)
    for (const [serverName, isFine] of [
      ['registry.acme.test', false],
      ['127.0.0.1', true],
    ] as const) {
      using named = new RegistryClient({
        timeouts: UNHURRIED,
        certificateAuthorities,
        ownTls: { serverName },
      })
      const pulled = named.getManifest(registry.otherName, '1')
      if (isFine) await pulled
      else await assert.rejects(pulled, { code: 'ERR_REGISTRY_CERTIFICATE' })
    }
  })

  it('is trusted by what certs.d has for exactly its host and port', async () => {
    await using registry = await startRegistry()
    await using directory = await createTemporaryDirectory()
    const { registry: host } = registry.repository
    const findTlsSettings = certificatesIn([join(directory.path, 'absent'), directory.path])
    const put = async (name: string) => {
      await mkdir(join(directory.path, name))
      await copyFile(join(registry.directory, 'server.crt'), join(directory.path, name, 'ca.crt'))
    }
    await put('127.0.0.1')
    await put(`${host}0`)
    using untrusting = new RegistryClient({ timeouts: UNHURRIED, findTlsSettings })
    await assert.rejects(untrusting.getManifest(registry.repository, '1'), {
      code: 'ERR_REGISTRY_CERTIFICATE',
    })
    await put(host)
    using trusting = new RegistryClient({ timeouts: UNHURRIED, findTlsSettings })
    await trusting.getManifest(registry.repository, '1')
  })
})

describe('a registry on this machine that does not end the handshake', () => {
  it('is not spoken to without TLS', async () => {
    const received: Buffer[] = []
    const server = createServer((socket) => {
      socket.on('data', (bytes) => received.push(bytes)).on('error', () => undefined)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const timeouts = { ...UNHURRIED, connectMs: 300 }
      using client = new RegistryClient({ timeouts, retries: { attempts: 1 } })
      const repository = { registry: `127.0.0.1:${port}`, repository: 'app' }
      await assert.rejects(client.getManifest(repository, '1'), {
        code: 'ERR_REGISTRY_UNAVAILABLE',
        message: /did not accept a connection within 0\.3 s/,
      })
    } finally {
      server.close()
    }
    assert.ok(!Buffer.concat(received).includes('GET /'))
  })
})

describe('a registry that wants a client certificate', { skip: openssl.absent }, () => {
  it('is shown the one that was named, or that certs.d has for it', async () => {
    await using registry = await startRegistry('insists')
    const certificateAuthorities = [registry.certificate]
    const clientCertificate = registry.client
    using named = new RegistryClient({
      timeouts: UNHURRIED,
      certificateAuthorities,
      ownTls: { clientCertificate },
    })
    await named.getManifest(registry.repository, '1')
    await using directory = await createTemporaryDirectory()
    const own = join(directory.path, registry.repository.registry)
    await mkdir(own)
    await copyFile(join(registry.directory, 'server.crt'), join(own, 'ca.crt'))
    await copyFile(registry.client.certificateFile, join(own, 'client.cert'))
    await copyFile(registry.client.keyFile, join(own, 'client.key'))
    using found = new RegistryClient({
      timeouts: UNHURRIED,
      findTlsSettings: certificatesIn([directory.path]),
    })
    await found.getManifest(registry.repository, '1')
    assert.deepEqual(
      registry.seen.map(({ client }) => client),
      // The port of this machine is asked for TLS first.
      ['client', 'client', 'client', 'client'],
    )
  })

  it('says so where there is none, or it does not like it', async () => {
    await using registry = await startRegistry()
    const files = (stem: string) => join(registry.directory, stem)
    // Unlike Node's, this server says by TLS what it does not like.
    const { program, match } = await startProgram(
      openssl.path,
      [
        ...['s_server', '-accept', '127.0.0.1:0', '-www', '-Verify', '1'],
        ...['-verify_return_error', '-CAfile', files('client.crt')],
        ...['-cert', files('server.cert'), '-key', files('server.key')],
      ],
      /ACCEPT (127\.0\.0\.1:\d+)\s/,
    )
    try {
      const stranger = await makeCertificate(registry.directory, 'stranger', 'DNS:stranger')
      for (const clientCertificate of [undefined, stranger]) {
        using client = new RegistryClient({
          certificateAuthorities: [registry.certificate],
          ownTls: { clientCertificate },
          retries: { attempts: 1 },
          timeouts: UNHURRIED,
        })
        const repository = { registry: match[1]!, repository: 'app' }
        await assert.rejects(client.getManifest(repository, '1'), {
          code: 'ERR_REGISTRY_UNAUTHORIZED',
          message: /client certificate/,
        })
      }
    } finally {
      await program.stop('SIGKILL')
    }
  })

  it('alone is shown it, and not a place that it redirects to', async () => {
    await using elsewhere = await startRegistry('asks')
    await using directory = await createTemporaryDirectory()
    const server = await makeCertificate(directory.path, 'server', 'IP:127.0.0.1')
    await using registry = await startTlsRegistry({ key: server.key, cert: server.certificate })
    const other = `https://${elsewhere.repository.registry}/v2/app/manifests/1`
    using client = new RegistryClient({
      certificateAuthorities: [server.certificate, elsewhere.certificate],
      ownTls: { clientCertificate: elsewhere.client },
      retries: { attempts: 1 },
      timeouts: UNHURRIED,
    })
    registry.redirectTo(other)
    const repository = { registry: `127.0.0.1:${registry.port}`, repository: 'app' }
    await client.getManifest(repository, '1')
    assert.deepEqual(
      elsewhere.seen.map((one) => one.client),
      [undefined],
    )
    await client.getManifest(elsewhere.repository, '1')
    assert.equal(elsewhere.seen.at(-1)?.client, 'client')
  })

  it('is not tried with files that do not fit, of which nothing is repeated', async () => {
    await using registry = await startRegistry('insists')
    const { registry: host } = registry.repository
    const other = await makeCertificate(registry.directory, 'other', 'DNS:other')
    const encrypted = join(registry.directory, 'encrypted.key')
    const made = await runProgram(openssl.path, [
      ...['pkcs8', '-topk8', '-in', registry.client.keyFile],
      ...['-out', encrypted, '-passout', 'pass:1234'],
    ])
    assert.equal(made.code, 0, made.stderr)
    const garbage = join(registry.directory, 'garbage')
    await writeFile(garbage, 's3cret')
    for (const [keyFile, message] of [
      [other.keyFile, /not that of the certificate/],
      [encrypted, /encrypted/],
      [garbage, /not PEM/],
      [undefined, /expected both client.cert and client.key/],
    ] as const) {
      await using directory = await createTemporaryDirectory()
      const own = join(directory.path, host)
      await mkdir(own)
      await copyFile(registry.client.certificateFile, join(own, 'client.cert'))
      if (keyFile !== undefined) await copyFile(keyFile, join(own, 'client.key'))
      using client = new RegistryClient({
        timeouts: UNHURRIED,
        findTlsSettings: certificatesIn([directory.path]),
      })
      await assert.rejects(client.getManifest(registry.repository, '1'), (error: Error) => {
        assert.equal((error as { code?: string }).code, 'ERR_REGISTRY_CREDENTIALS')
        assert.match(error.message, message)
        assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /s3cret|PRIVATE/)
        return true
      })
    }
  })

  it('is looked for where podman and docker keep certificates', () => {
    assert.deepEqual(certificateDirectories({ HOME: '/home/me' }), [
      '/home/me/.config/containers/certs.d',
      '/home/me/.config/docker/certs.d',
      '/etc/containers/certs.d',
      '/etc/docker/certs.d',
    ])
    assert.deepEqual(certificateDirectories({ HOME: '/h', XDG_CONFIG_HOME: '/c' }).slice(0, 2), [
      '/c/containers/certs.d',
      '/c/docker/certs.d',
    ])
  })
})

describe('the certificates of a host', () => {
  /** `certs.d` with this file of the host, and what is found for a host. */
  async function prepare(file: string, content: string) {
    const directory = await createTemporaryDirectory()
    const parent = join(directory.path, 'certs.d')
    await mkdir(join(parent, 'a.test:5000'), { recursive: true })
    await writeFile(join(parent, 'a.test:5000', file), content)
    return {
      parent,
      find: certificatesIn([join(directory.path, 'absent'), parent]),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    }
  }

  it('are never looked for anywhere else than below the name of the host', async () => {
    await using here = await prepare('ca.crt', 'a CA')
    const found = { certificateAuthorities: ['a CA'] }
    assert.deepEqual(await here.find('a.test:5000'), found)
    await writeFile(join(here.parent, 'ca.crt'), 'another CA')
    await mkdir(join(here.parent, '.hidden'))
    await writeFile(join(here.parent, '.hidden', 'ca.crt'), 'another CA')
    await writeFile(join(here.parent, 'b.test'), 'no directory')
    for (const host of [
      '.',
      '..',
      '../certs.d',
      '.hidden',
      'a.test:5000/',
      'a.test:5000/../.hidden',
      '/a.test:5000',
      'b.test',
      '',
    ]) {
      assert.equal(await here.find(host), undefined, host)
    }
  })

  it('are read up to 100 files of 1 MiB, or not at all', async () => {
    await using here = await prepare('ca.crt', 'x'.repeat(1024 * 1024))
    const directory = join(here.parent, 'a.test:5000')
    for (let name = 1; name < 100; name++) await writeFile(join(directory, `${name}.txt`), '')
    assert.equal((await here.find('a.test:5000'))?.certificateAuthorities?.length, 1)
    const unusable = (message: RegExp) => ({ code: 'ERR_REGISTRY_CREDENTIALS', message })
    await writeFile(join(directory, '100.txt'), '')
    await assert.rejects(here.find('a.test:5000'), unusable(/it has more than 100 files$/))
    await using large = await prepare('ca.crt', 'x'.repeat(1024 * 1024 + 1))
    await assert.rejects(large.find('a.test:5000'), unusable(/more than 1048576 bytes$/))
  })

  it('are an error where they cannot be read, or a part is missing', async () => {
    for (const [file, message] of [
      ['client.cert', /expected both client\.cert and client\.key$/],
      ['client.key', /expected both client\.cert and client\.key$/],
    ] as const) {
      await using here = await prepare(file, 'x')
      await assert.rejects(here.find('a.test:5000'), { code: 'ERR_REGISTRY_CREDENTIALS', message })
    }
    await using here = await prepare('other.txt', 'x')
    await mkdir(join(here.parent, 'a.test:5000', 'ca.crt'))
    await assert.rejects(here.find('a.test:5000'), {
      code: 'ERR_REGISTRY_CREDENTIALS',
      message: /ca\.crt cannot be used: it cannot be read$/,
    })
  })
})
