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
    ['xa.test', 'team/app', undefined],
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
})

describe('registries.conf', () => {
  const refused: readonly (readonly [string, object])[] = [
    ['version 1', { registries: { block: { registries: ['a.test'] } } }],
    ['no table', { registry: 'a.test' }],
    ['no prefix', { registry: [{ blocked: true }] }],
    ['an unknown key', { registry: [{ prefix: 'a.test', block: true }] }],
    ['a flag that is none', { registry: [{ prefix: 'a.test', blocked: 'true' }] }],
    ['a tag', { registry: [{ prefix: 'a.test/x:1' }] }],
    ['a digest', { registry: [{ prefix: `a.test/x@sha256:${'0'.repeat(64)}` }] }],
    ['a scheme', { registry: [{ prefix: 'https://a.test' }] }],
    ['a name that is no host', { registry: [{ prefix: 'library/x' }] }],
    ['a wildcard with a path', { registry: [{ prefix: '*.a.test/x' }] }],
    ['one prefix twice', { registry: [{ prefix: 'a.test' }, { prefix: 'A.test:443/' }] }],
    ['a mirror without a location', { registry: [{ prefix: 'a.test', mirror: [{}] }] }],
    [
      'an unknown use of a mirror',
      {
        registry: [
          { prefix: 'a.test', mirror: [{ location: 'b.test', 'pull-from-mirror': 'never' }] },
        ],
      },
    ],
  ]
  for (const [what, document] of refused) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => readRegistryEntries({ ...document }, 'f'), {
        code: 'ERR_REGISTRY_CONFIGURATION',
      })
    })
  }

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
      await assert.rejects(read(join(directory, 'none')), { code: 'ERR_REGISTRY_CONFIGURATION' })
      await assert.rejects(read(user), { code: 'ERR_REGISTRY_CONFIGURATION' })
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
