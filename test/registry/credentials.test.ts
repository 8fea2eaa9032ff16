import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
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
      'xregistry.acme.test',
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
      'Registry.ACME.test',
    ]) {
      assert.deepEqual(await find({ auths: { [key]: auth('me', 'pw') } }, ACME.registry), me('pw'))
    }
    const inside = { auths: { 'registry.https://acme.test': auth('me', 'pw') } }
    assert.equal(await find(inside, ACME.registry), undefined)
  })

  it('of Docker Hub are stored under its old address', async () => {
    const config = { auths: { 'https://index.docker.io/v1/': auth('me', 'pw') } }
    assert.deepEqual(await find(config, 'index.docker.io', 'library/alpine'), me('pw'))
    assert.deepEqual(await find(config, 'docker.io', 'library/alpine'), me('pw'))
    assert.deepEqual(await find(config, 'registry-1.docker.io', 'library/alpine'), me('pw'))
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
    const nothing = { auths: { ...config.auths, 'registry.acme.test/team/app': {} } }
    assert.deepEqual(await find(nothing, ACME.registry, 'team/app'), me('team'))
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

  it('may be one letter, and end in the zero bytes that docker pads with', async () => {
    const found = (text: string) =>
      find({ auths: { [ACME.registry]: auth('m', text) } }, ACME.registry)
    const m = (password: string) => ({ kind: 'password', username: 'm', password })
    assert.deepEqual(await found('p'), m('p'))
    assert.deepEqual(await found(''), m(''))
    assert.deepEqual(await found('p\0w\0\0'), m('p\0w'))
  })

  /** docker's configuration, what the message says of it */
  const unreadable: readonly (readonly [unknown, RegExp])[] = [
    ['{', /: it is not JSON$/],
    [' '.repeat(1024 * 1024) + '{}', /: it is not JSON$/],
    [[], /: expected a JSON object$/],
    ['null', /: expected a JSON object$/],
    [{ auths: [] }, /: expected the members "auths", /],
    [{ auths: 'x' }, /: expected the members "auths", /],
    [{ credHelpers: [] }, /: expected the members "auths", "credHelpers" /],
    [{ credsStore: 7 }, /: expected the members "auths", "credHelpers" and "credsStore" /],
    [{ auths: { [ACME.registry]: 'x' } }, /: expected the entries of "auths" to be objects$/],
    [{ auths: { [ACME.registry]: null } }, /: expected the entries of "auths" to be objects$/],
    ...['identitytoken', 'registrytoken', 'auth', 'username', 'password'].map(
      (name) =>
        [
          { auths: { [ACME.registry]: { username: 'me', [name]: 7 } } },
          new RegExp(`: expected "${name}" to be a string$`),
        ] as const,
    ),
    ...['!!!', 'bm8gY29sb24=', 'OnB3', 'bWU6/w=='].map(
      (text) =>
        [
          { auths: { [ACME.registry]: { auth: text } } },
          /: expected "auth" to be base64 of user:password$/,
        ] as const,
    ),
    [{ credHelpers: { [ACME.registry]: 7 } }, /: expected the names of helpers to be strings$/],
    [{ credsStore: 'no-such-helper' }, /: it cannot be run; is it in the PATH\?$/],
    ...['../evil', 'a/b', '/bin/true', 'a b', 'x\n', 'x'.repeat(101)].map(
      (name) =>
        [{ credHelpers: { [ACME.registry]: name } }, /: its name is not one of a helper$/] as const,
    ),
  ]
  for (const [config, message] of unreadable) {
    const shown = JSON.stringify(config).replace(/ {9,}|x{9,}/, '...')
    it(`that cannot be read are an error, not an anonymous try: ${shown}`, async () => {
      await assert.rejects(find(config, ACME.registry), {
        code: 'ERR_REGISTRY_CREDENTIALS',
        message,
      })
    })
  }

  it('in a file that is there and cannot be read are an error, too', async () => {
    await using home = await createTemporaryDirectory()
    await mkdir(join(home.path, '.docker', 'config.json'), { recursive: true })
    await assert.rejects(async () => dockerCredentials({ HOME: home.path })(ACME), {
      code: 'ERR_REGISTRY_CREDENTIALS',
      message: /config\.json cannot be used: it cannot be read$/,
    })
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
      message: /auth\.json cannot be used: it does not exist$/,
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

  it('come from below the home directory, whatever the system calls it', async () => {
    await using home = await createTemporaryDirectory()
    const auths = (password: string) => ({ auths: { [ACME.registry]: auth('me', password) } })
    await write(join(home.path, '.config', 'containers', 'auth.json'), auths('podman'))
    assert.deepEqual(await dockerCredentials({ HOME: home.path })(ACME), me('podman'))
    await write(join(home.path, '.docker', 'config.json'), auths('docker'))
    assert.deepEqual(await dockerCredentials({ USERPROFILE: home.path })(ACME), me('docker'))
    await write(join(home.path, 'own', 'containers', 'auth.json'), auths('own'))
    const XDG_CONFIG_HOME = join(home.path, 'own')
    assert.deepEqual(await dockerCredentials({ XDG_CONFIG_HOME })(ACME), me('own'))
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

  it('may have a name and no secret, or nothing at all', async () => {
    const config = { credsStore: 'all', auths: { [ACME.registry]: auth('me', 'file') } }
    const answer = (username: string, secret: string) =>
      findWithHelpers(
        config,
        { all: `echo '{"Username":"${username}","Secret":"${secret}"}'` },
        ACME.registry,
      )
    assert.deepEqual((await answer('me', '')).found, me(''))
    assert.deepEqual((await answer('', 's')).found, { ...me('s'), username: '' })
    assert.deepEqual((await answer('', '')).found, me('file'))
  })

  it('may say as much as it likes to its own log, and not read its input', async () => {
    const all = `head -c 1000000 /dev/zero >&2; ${answering.replace('cat > "$LOG"; ', '')}`
    const { found } = await findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
    assert.deepEqual(found, me('pw'))
  })

  it('is listened to for 64 KiB', async () => {
    const all = (length: number) => `printf '{"Username":"me","Secret":"%0${length - 29}d"}' 0`
    const { found } = await findWithHelpers({ credsStore: 'a' }, { a: all(65_536) }, ACME.registry)
    assert.equal(found?.kind === 'password' && found.password.length, 65_536 - 29)
    await assert.rejects(findWithHelpers({ credsStore: 'a' }, { a: all(65_537) }, ACME.registry), {
      code: 'ERR_REGISTRY_CREDENTIALS',
      message: /did not finish within 30 s and 64 KiB$/,
    })
  })

  const CUT_OFF = { message: /did not finish within 30 s and 64 KiB$/ }

  /** Waits with the clock standing still but for what is due at once. */
  async function letGo(test: TestContext, run: Promise<void>): Promise<void> {
    let isOver = false
    const over = run.finally(() => (isOver = true))
    while (!isOver) {
      await new Promise(setImmediate)
      test.mock.timers.tick(0)
    }
    await over
  }

  it('is waited for 30 seconds, even if what it started holds its output open', async (test) => {
    await using home = await createTemporaryDirectory()
    const started = join(home.path, 'started')
    const all = `sleep 600 & echo $! > '${started}'; wait`
    test.mock.timers.enable({ apis: ['setTimeout'] })
    const run = findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
    let pid = ''
    while (pid === '') {
      await new Promise(setImmediate)
      pid = await readFile(started, 'utf8').catch(() => '')
    }
    try {
      test.mock.timers.tick(29_999)
      let isOver = false
      const over = assert.rejects(run, CUT_OFF).finally(() => (isOver = true))
      for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
      assert.equal(isOver, false)
      test.mock.timers.tick(1)
      await letGo(test, over)
    } finally {
      process.kill(Number(pid))
    }
  })

  it('that says far too much is stopped', async (test) => {
    // By what it says, as the clock does not go on.
    test.mock.timers.enable({ apis: ['setTimeout'] })
    const all = 'yes | head -c 10000000'
    const run = findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
    await letGo(test, assert.rejects(run, CUT_OFF))
  })

  it('leaves no clock behind that a program would wait for', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    const before = timers()
    await findWithHelpers({ credsStore: 'all' }, { all: answering }, ACME.registry)
    await assert.rejects(findWithHelpers({ credsStore: 'absent' }, {}, ACME.registry))
    assert.equal(timers(), before)
  })

  const noAnswer = /: expected an answer with "Username" and "Secret"$/
  for (const [what, all, message] of [
    ['fails', 'echo secret-in-output; exit 3', /: it ended with exit code 3$/],
    ['fails with an answer', `${answering}; exit 1`, /: it ended with exit code 1$/],
    ['is killed', 'kill -TERM $$', /: it ended with exit code of a signal$/],
    ['says no JSON', 'echo hello', /: its answer is not JSON$/],
    ['says nothing', 'exit 0', /: its answer is not JSON$/],
    ['says null', 'echo null', noAnswer],
    ['leaves out the secret', 'echo \'{"Username":"me"}\'', noAnswer],
    ['leaves out the name', 'echo \'{"Secret":"secret-in-output"}\'', noAnswer],
  ] as const) {
    it(`that ${what} is an error that does not repeat what it said`, async () => {
      const run = findWithHelpers({ credsStore: 'all' }, { all }, ACME.registry)
      await assert.rejects(run, (error) => {
        const thrown = error as { code: string; message: string }
        assert.equal(thrown.code, 'ERR_REGISTRY_CREDENTIALS')
        assert.match(thrown.message, message)
        assert.doesNotMatch(thrown.message, /secret-in-output|hello/)
        return true
      })
    })
  }
})
