import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { dockerCredentials } from '../../src/registry/docker-credentials.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const ACME = { registry: 'registry.acme.test', repository: 'team/app' }

function auth(user: string, password: string): object {
  return { auth: Buffer.from(`${user}:${password}`).toString('base64') }
}

async function write(path: string, content: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
}

/** What is found for a repository with this as docker's configuration. */
async function find(config: unknown, registry: string, repository = 'team/app') {
  await using home = await createTemporaryDirectory()
  await write(join(home.path, '.docker', 'config.json'), config)
  return await dockerCredentials({ HOME: home.path })({ registry, repository })
}

/** What is found for a repository with this as docker's configuration and these helpers in the PATH. */
async function findWithHelpers(
  config: unknown,
  helpers: Readonly<Record<string, string>>,
  registry: string,
) {
  await using home = await createTemporaryDirectory()
  await write(join(home.path, 'config.json'), config)
  for (const [name, script] of Object.entries(helpers)) {
    const path = join(home.path, `docker-credential-${name}`)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }
  const environment = {
    DOCKER_CONFIG: home.path,
    LOG: join(home.path, 'log'),
    PATH: `${home.path}:/bin:/usr/bin`,
  }
  const found = await dockerCredentials(environment)({ registry, repository: 'team/app' })
  return { found, log: await readFile(environment.LOG, 'utf8').catch(() => '') }
}

const me = (password: string) => ({ kind: 'password', username: 'me', password })

describe('credentials of a docker configuration', () => {
  it('are for exactly the host that they were stored for', async () => {
    const config = { auths: { 'registry.acme.test': auth('me', 'pw:with:colons') } }
    assert.deepEqual(await find(config, 'registry.acme.test'), me('pw:with:colons'))
    for (const other of [
      'registry.acme.test.evil',
      'evil.registry.acme.test',
      'evil-registry.acme.test',
      'acme.test',
      'registry.acme.test:5000',
      'registry.acme.tes',
      'index.docker.io',
    ]) {
      assert.equal(await find(config, other), undefined, other)
    }
  })

  it('are for exactly the port that they were stored for', async () => {
    const config = { auths: { 'registry.acme.test:5000': auth('me', 'pw') } }
    assert.deepEqual(await find(config, 'registry.acme.test:5000'), me('pw'))
    assert.equal(await find(config, 'registry.acme.test'), undefined)
    assert.equal(await find(config, 'registry.acme.test:50001'), undefined)
  })

  it('may be stored under a URL, as docker and older tools do', async () => {
    for (const key of [
      'https://registry.acme.test',
      'https://registry.acme.test/',
      'https://registry.acme.test/v1/',
      'https://registry.acme.test/v2',
      'http://registry.acme.test',
    ]) {
      assert.deepEqual(await find({ auths: { [key]: auth('me', 'pw') } }, ACME.registry), me('pw'))
    }
  })

  it('of Docker Hub are stored under its old address', async () => {
    const config = { auths: { 'https://index.docker.io/v1/': auth('me', 'pw') } }
    assert.deepEqual(await find(config, 'index.docker.io', 'library/alpine'), me('pw'))
    assert.deepEqual(await find(config, 'docker.io', 'library/alpine'), me('pw'))
    assert.equal(await find(config, 'index.docker.io.evil.test'), undefined)
  })

  it('may be for a part of a registry, the longest fitting part first', async () => {
    const config = {
      auths: {
        'registry.acme.test': auth('me', 'all'),
        'registry.acme.test/team': auth('me', 'team'),
        'registry.acme.test/team/app': auth('me', 'app'),
      },
    }
    assert.deepEqual(await find(config, ACME.registry, 'team/app'), me('app'))
    assert.deepEqual(await find(config, ACME.registry, 'team/application'), me('team'))
    assert.deepEqual(await find(config, ACME.registry, 'teams/app'), me('all'))
  })

  it('may be tokens, or a name and a password apart', async () => {
    const found = (entry: object) => find({ auths: { [ACME.registry]: entry } }, ACME.registry)
    assert.deepEqual(await found({ ...auth('me', ''), identitytoken: 'it' }), {
      kind: 'identity-token',
      token: 'it',
    })
    assert.deepEqual(await found({ registrytoken: 'rt' }), { kind: 'bearer-token', token: 'rt' })
    assert.deepEqual(await found({ username: 'me', password: 'pw' }), me('pw'))
    assert.equal(await found({}), undefined)
  })

  it('that cannot be read are an error, not an anonymous try', async () => {
    for (const config of [
      '{',
      [],
      { auths: [] },
      { auths: { [ACME.registry]: 'x' } },
      { auths: { [ACME.registry]: { auth: '!!!' } } },
      { auths: { [ACME.registry]: { auth: Buffer.from('no colon').toString('base64') } } },
      { credsStore: 7 },
      { credHelpers: { [ACME.registry]: '../evil' } },
      { credsStore: 'no-such-helper' },
    ]) {
      await assert.rejects(find(config, ACME.registry), { code: 'ERR_REGISTRY_CREDENTIALS' })
    }
  })

  it('come from REGISTRY_AUTH_FILE alone where that is set, and it has to exist', async () => {
    await using home = await createTemporaryDirectory()
    const file = join(home.path, 'auth.json')
    await write(join(home.path, '.docker', 'config.json'), {
      auths: { [ACME.registry]: auth('me', 'docker') },
    })
    const environment = { HOME: home.path, REGISTRY_AUTH_FILE: file }
    await assert.rejects(async () => dockerCredentials(environment)(ACME), {
      code: 'ERR_REGISTRY_CREDENTIALS',
    })
    await write(file, {})
    assert.equal(await dockerCredentials(environment)(ACME), undefined)
    await write(file, { auths: { [ACME.registry]: auth('me', 'podman') } })
    assert.deepEqual(await dockerCredentials(environment)(ACME), me('podman'))
  })

  it("come from podman's file where docker's has none", async () => {
    await using home = await createTemporaryDirectory()
    await write(join(home.path, '.docker', 'config.json'), { auths: {} })
    await write(join(home.path, 'run', 'containers', 'auth.json'), {
      auths: { [ACME.registry]: auth('me', 'podman') },
    })
    const environment = { HOME: home.path, XDG_RUNTIME_DIR: join(home.path, 'run') }
    assert.deepEqual(await dockerCredentials(environment)(ACME), me('podman'))
    assert.equal(await dockerCredentials({})(ACME), undefined)
  })
})

describe('a credential helper', () => {
  const answering = 'cat > "$LOG"; echo \'{"ServerURL":"x","Username":"me","Secret":"pw"}\''

  it('is asked for exactly its host, on its standard input', async () => {
    const config = { credHelpers: { [ACME.registry]: 'acme' } }
    const { found, log } = await findWithHelpers(config, { acme: answering }, ACME.registry)
    assert.deepEqual(found, me('pw'))
    assert.equal(log, ACME.registry)
    const other = await findWithHelpers(config, { acme: answering }, `${ACME.registry}.evil`)
    assert.deepEqual(other, { found: undefined, log: '' })
  })

  it('for everything is asked about Docker Hub by its old address', async () => {
    const config = { credsStore: 'all' }
    const { log } = await findWithHelpers(config, { all: answering }, 'index.docker.io')
    assert.equal(log, 'https://index.docker.io/v1/')
  })

  it('may know nothing; then the file is asked', async () => {
    const config = { credsStore: 'all', auths: { [ACME.registry]: auth('me', 'file') } }
    const all = 'echo credentials not found in native keychain; exit 1'
    assert.deepEqual((await findWithHelpers(config, { all }, ACME.registry)).found, me('file'))
  })

  it('may give an identity token', async () => {
    const all = 'echo \'{"Username":"<token>","Secret":"it"}\''
    const { found } = await findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
    assert.deepEqual(found, { kind: 'identity-token', token: 'it' })
  })

  it('is not waited for when it has ended, whatever it has left running', async () => {
    // What is left has the helper's output open until the test is over.
    const left = '(while [ -e "$LOG.on" ]; do sleep 0.1; done) &'
    const all = `touch "$LOG.on"; ${left} ${answering}`
    const run = findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
    assert.deepEqual((await run).found, me('pw'))
  })

  for (const [what, all] of [
    ['fails', 'echo secret-in-output; exit 3'],
    ['says no JSON', 'echo hello'],
    ['leaves out the secret', 'echo \'{"Username":"me"}\''],
    ['never stops talking', 'yes | head -c 10000000'],
  ] as const) {
    it(`that ${what} is an error that does not repeat what it said`, async () => {
      const run = findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
      await assert.rejects(run, (error) => {
        const { code, message } = error as { code: string; message: string }
        assert.equal(code, 'ERR_REGISTRY_CREDENTIALS')
        assert.doesNotMatch(message, /secret-in-output|hello/)
        return true
      })
    })
  }
})
