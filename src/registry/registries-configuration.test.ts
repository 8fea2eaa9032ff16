import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findEntry, readRegistryEntries, repositoryAt } from './registries-configuration.ts'
import { readRegistriesFiles } from './registries-files.ts'

function matched(prefixes: readonly string[], registry: string, repository: string) {
  const registries = prefixes.map((prefix) => ({ prefix, location: 'mirror.test:5000/m' }))
  const found = findEntry(readRegistryEntries({ registry: registries }, 'f'), {
    registry,
    repository,
  })
  if (found === undefined) return undefined
  const { registry: host, repository: path } = repositoryAt(found.entry, found.rest)
  return [found.entry.prefix, `${host}/${path}`]
}

describe('the entry for a repository', () => {
  const prefixes = ['a.test', 'a.test/team', 'a.test/team/app', '*.acme.test', 'x.acme.test']
  const cases = [
    ['a.test', 'other', ['a.test', 'mirror.test:5000/m/other']],
    ['a.test', 'team/other', ['a.test/team', 'mirror.test:5000/m/other']],
    ['a.test', 'teamx/app', ['a.test', 'mirror.test:5000/m/teamx/app']],
    ['A.test:443', 'team/app', ['a.test/team/app', 'mirror.test:5000/m']],
    ['a.test:5000', 'team/app', undefined],
    ['a.test:4430', 'team/app', undefined],
    ['xa.test', 'team/app', undefined],
    ['longer.b.acme.test', 'app', ['*.acme.test', 'mirror.test:5000/m/app']],
    ['b.acme.test', 'app', ['*.acme.test', 'mirror.test:5000/m/app']],
    ['acme.test', 'app', undefined],
    ['x.acme.test', 'app', ['x.acme.test', 'mirror.test:5000/m/app']],
  ] as const
  for (const [registry, repository, expected] of cases) {
    it(`is that of the longest prefix: ${registry}/${repository}`, () => {
      assert.deepEqual(matched(prefixes, registry, repository), expected)
      assert.deepEqual(matched(prefixes.toReversed(), registry, repository), expected)
    })
  }

  it('is the same for all names of Docker Hub', () => {
    for (const prefix of ['docker.io', 'index.docker.io', 'Registry-1.docker.io:443']) {
      for (const registry of ['docker.io', 'index.docker.io', 'registry-1.docker.io']) {
        const expected = ['docker.io', 'mirror.test:5000/m/library/x']
        assert.deepEqual(matched([prefix], registry, 'library/x'), expected)
      }
      assert.equal(matched([prefix], 'docker.io.evil.test', 'library/x'), undefined)
    }
  })

  it('is that of the port that the name has, whole', () => {
    assert.equal(matched(['a.test0', 'a.test'], 'a.test:4430', 'app'), undefined)
    assert.equal(matched(['a.test:4430'], 'a.test', 'app'), undefined)
  })

  it('of a wildcard is for what is below the domain, however it is written', () => {
    assert.equal(matched(['*.ACME.test'], 'b.acme.test', 'app')?.[0], '*.acme.test')
    assert.equal(readOne({ prefix: '*.TEST' }).prefix, '*.test')
    assert.equal(matched(['*.acme.test'], 'b.notacme.test', 'app'), undefined)
    const [entry] = readRegistryEntries({ registry: [{ prefix: '*.acme.test' }] }, 'f')
    assert.equal(entry?.location, '*.acme.test')
  })
})

/** The one entry of a file, with what it leaves out. */
function readOne(table: object) {
  return readRegistryEntries({ registry: [table] }, 'f')[0]!
}

describe('registries.conf', () => {
  const withMirror = (mirror: object, more: object = {}) => ({
    registry: [{ prefix: 'a.test', mirror: [mirror], ...more }],
  })
  const noRegistry = /: expected a registry with an optional path, found "/
  const noTables = /: expected \[\[registry\]\] tables$/
  const noUse =
    /: expected "pull-from-mirror" to be one of all, digest-only, tag-only, and not beside/
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ['version 1', { registries: { block: { registries: ['a.test'] } } }, /: it is of version 1; /],
    ['no table', { registry: 'a.test' }, noTables],
    ['a table that is a text', { registry: [{ prefix: 'a.test' }, 'b.test'] }, noTables],
    ['a table that is nothing', { registry: [{ prefix: 'a.test' }, null] }, noTables],
    ['no prefix', { registry: [{ blocked: true }] }, noRegistry],
    [
      'a prefix that is no text',
      { registry: [{ prefix: 7 }] },
      /: expected "prefix" to be a string$/,
    ],
    [
      'an unknown key',
      { registry: [{ prefix: 'a.test', block: true }] },
      /: "block" is not known; /,
    ],
    [
      'a flag that is none',
      { registry: [{ prefix: 'a.test', blocked: 'true' }] },
      /: expected "blocked" to be true or false$/,
    ],
    ['a tag', { registry: [{ prefix: 'a.test/x:1' }] }, noRegistry],
    ['a digest', { registry: [{ prefix: `a.test/x@sha256:${'0'.repeat(64)}` }] }, noRegistry],
    ['a scheme', { registry: [{ prefix: 'https://a.test' }] }, noRegistry],
    ['a name that is no host', { registry: [{ prefix: 'library/x' }] }, noRegistry],
    ['a wildcard with a path', { registry: [{ prefix: '*.a.test/x' }] }, noRegistry],
    ['a wildcard for everything', { registry: [{ prefix: '*.' }] }, noRegistry],
    ['a wildcard above no host', { registry: [{ prefix: '*.-a.test' }] }, noRegistry],
    ['a wildcard within', { registry: [{ prefix: 'x*.a.test' }] }, noRegistry],
    [
      'one prefix twice',
      { registry: [{ prefix: 'a.test' }, { prefix: 'A.test:443/' }] },
      /: it has two entries for a\.test$/,
    ],
    [
      'mirrors that are none',
      { registry: [{ prefix: 'a.test', mirror: 'b.test' }] },
      /registry\.mirror/,
    ],
    ['a mirror without a location', withMirror({}), noRegistry],
    ['a mirror that is a wildcard', withMirror({ location: '*.b.test' }), noRegistry],
    [
      'an unknown key of a mirror',
      withMirror({ location: 'b.test', blocked: true }),
      /: "blocked" is not known; expected location, insecure, pull-from-mirror$/,
    ],
    [
      'an unknown use of a mirror',
      withMirror({ location: 'b.test', 'pull-from-mirror': 'never' }),
      noUse,
    ],
    [
      'two words on the use of a mirror',
      withMirror(
        { location: 'b.test', 'pull-from-mirror': 'all' },
        { 'mirror-by-digest-only': true },
      ),
      noUse,
    ],
  ]
  for (const [what, document, message] of refused) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => readRegistryEntries({ ...document }, 'f'), {
        code: 'ERR_REGISTRY_CONFIGURATION',
        message,
      })
    })
  }

  it('has entries that say nothing but where they are, and others that say all', () => {
    const plain = { prefix: 'a.test/x', location: 'a.test/x', isInsecure: false, isBlocked: false }
    assert.deepEqual(readOne({ location: 'a.test/x/' }), { ...plain, mirrors: [] })
    assert.deepEqual(readOne({ prefix: 'a.test/x', location: '' }), { ...plain, mirrors: [] })
    assert.equal(readOne({ location: 'localhost' }).prefix, 'localhost')
    assert.deepEqual(
      readOne({
        prefix: 'a.test/x',
        location: 'B.test:443/y',
        insecure: true,
        blocked: true,
        mirror: [
          { location: 'one.test:5000/z', insecure: true, 'pull-from-mirror': 'tag-only' },
          { location: 'two.test', 'pull-from-mirror': 'digest-only' },
          { location: 'three.test', 'pull-from-mirror': 'all' },
          { location: 'four.test' },
        ],
      }),
      {
        prefix: 'a.test/x',
        location: 'b.test/y',
        isInsecure: true,
        isBlocked: true,
        mirrors: [
          { location: 'one.test:5000/z', isInsecure: true, use: 'tag-only' },
          { location: 'two.test', isInsecure: false, use: 'digest-only' },
          { location: 'three.test', isInsecure: false, use: 'all' },
          { location: 'four.test', isInsecure: false, use: 'all' },
        ],
      },
    )
    const byDigest = { 'mirror-by-digest-only': true, mirror: [{ location: 'one.test' }] }
    assert.equal(readOne({ prefix: 'a.test', ...byDigest }).mirrors[0]?.use, 'digest-only')
  })

  it('has at most 1000 entries with 20 mirrors each', () => {
    const entries = (length: number) => ({
      registry: Array.from({ length }, (_, index) => ({ location: `r${index}.test` })),
    })
    assert.equal(readRegistryEntries(entries(1000), 'f').length, 1000)
    const mirrors = (length: number) =>
      readOne({ prefix: 'a.test', mirror: Array.from({ length }, () => ({ location: 'm.test' })) })
    assert.equal(mirrors(20).mirrors.length, 20)
    for (const read of [() => readRegistryEntries(entries(1001), 'f'), () => mirrors(21)]) {
      assert.throws(read, { code: 'ERR_REGISTRY_CONFIGURATION', message: /expected at most / })
    }
  })

  it('is the one of the user, or of the system, with what the directories add or replace', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'chancery-registries-'))
    try {
      const [user, system] = [join(directory, 'user'), join(directory, 'system')]
      const put = async (path: string, prefix: string, blocked: boolean) => {
        await mkdir(join(directory, path, '..'), { recursive: true })
        const text = `[[registry]]\nprefix = "${prefix}"\nblocked = ${blocked}\n`
        await writeFile(join(directory, path), text)
      }
      const read = async (named?: string) => {
        const found = await readRegistriesFiles({ named, user, system })
        return found.map(({ prefix, isBlocked }) => [prefix, isBlocked])
      }
      assert.deepEqual(await read(), [])
      await put('system/registries.conf', 'system.test', true)
      assert.deepEqual(await read(), [['system.test', true]])
      await put('user/registries.conf', 'user.test', true)
      await put('system/registries.conf.d/1.conf', 'added.test', true)
      await put('user/registries.conf.d/1.conf', 'user.test', false)
      await put('user/registries.conf.d/ignored', 'ignored.test', true)
      const added = ['added.test', true]
      assert.deepEqual(await read(), [['user.test', false], added])
      assert.deepEqual(await read(join(system, 'registries.conf')), [
        ['system.test', true],
        added,
        ['user.test', false],
      ])
      const unusable = (message: RegExp) => ({ code: 'ERR_REGISTRY_CONFIGURATION', message })
      await assert.rejects(read(join(directory, 'none')), unusable(/: it does not exist$/))
      await assert.rejects(read(user), unusable(/: it cannot be read$/))
      const dropIn = join(system, 'registries.conf.d', '2.conf')
      for (const [content, message] of [
        ['[[registry]', /2\.conf cannot be used: it is not TOML: /],
        [Uint8Array.of(0x23, 0xff), /2\.conf cannot be used: it is not TOML: /],
        ['#'.repeat(1024 * 1024 + 1), /2\.conf cannot be used: more than 1048576 bytes$/],
        ['[[registry]]\nblocked = true', /2\.conf cannot be used: expected a registry /],
      ] as const) {
        await writeFile(dropIn, content)
        await assert.rejects(read(), unusable(message))
      }
      await writeFile(dropIn, '#'.repeat(1024 * 1024))
      assert.equal((await read()).length, 2)
      for (let name = 3; name <= 100; name++)
        await writeFile(join(dropIn, '..', `${name}.conf`), '')
      assert.equal((await read()).length, 2)
      await writeFile(join(dropIn, '..', '101.conf'), '')
      await assert.rejects(
        read(),
        unusable(/registries\.conf\.d cannot be used: more than 100 files$/),
      )
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('of a directory with several files is the one whose name comes last', async () => {
    const system = await mkdtemp(join(tmpdir(), 'chancery-registries-'))
    try {
      const directory = join(system, 'registries.conf.d')
      await mkdir(directory)
      // In an order that is not the one of their names, forwards or backwards.
      for (const name of ['m', 'z', 'b', 'y', 'c', 'x', 'd', 'w', 'a']) {
        const text = `[[registry]]\nprefix = "a.test"\nlocation = "${name}.test"\n`
        await writeFile(join(directory, `${name}.conf`), text)
      }
      const found = await readRegistriesFiles({ system })
      assert.deepEqual(
        found.map(({ location }) => location),
        ['z.test'],
      )
      const asFile = join(directory, 'a.conf')
      assert.deepEqual(await readRegistriesFiles({ user: asFile, system: asFile }), [])
    } finally {
      await rm(system, { recursive: true })
    }
  })
})
