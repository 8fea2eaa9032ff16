import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChanceryError } from '../errors/chancery-error.ts'
import { MirrorReads, requireNotBlocked, type ReadKind } from './mirror-reads.ts'
import { readRegistryEntries } from './registries-configuration.ts'

const APP = { registry: 'a.test', repository: 'team/app' }
const ABSENT = new ChanceryError('ERR_REGISTRY_NOT_FOUND', 'it is not there')
const BROKEN = new ChanceryError('ERR_REGISTRY_DIGEST', 'other bytes')
const MOVED = { prefix: 'a.test', location: 'moved.test:5000/m', insecure: true }

/** Reads through a configuration of one entry; a place that is not in the table does not have what is read. */
function reading(entry: object, answers: Readonly<Record<string, string | Error>> = {}) {
  const asked: string[] = []
  const opened: boolean[] = []
  const news: string[] = []
  let closed = 0
  const reads = new MirrorReads({
    configuration: readRegistryEntries({ registry: [entry] }, 'registries.conf'),
    open: (isInsecure) => {
      opened.push(isInsecure)
      const close = (): void => {
        closed++
      }
      return { isInsecure, [Symbol.dispose]: close }
    },
    onNews: (message) => news.push(message),
  })
  return {
    reads,
    asked,
    opened,
    news,
    closed: () => closed,
    read: (kind: ReadKind = 'digest', repository = APP, signal?: AbortSignal) =>
      reads.read(repository, kind, signal, async (client, place) => {
        asked.push(`${client.isInsecure ? 'plain ' : ''}${place.registry}/${place.repository}`)
        const answer = answers[place.registry]
        if (answer instanceof Error) throw answer
        return answer
      }),
  }
}

/** An entry for `a.test` with these mirrors. */
function mirrored(...mirrors: readonly object[]): object {
  return { prefix: 'a.test', mirror: mirrors }
}

const [ONE, TWO] = [{ location: 'one.test/m' }, { location: 'two.test', insecure: true }]

describe('reading through mirrors', () => {
  it('asks none for a repository without an entry, or without a mirror', async () => {
    const { read, asked } = reading(mirrored(ONE), { 'one.test': 'x' })
    assert.equal(await read('digest', { registry: 'b.test', repository: 'app' }), undefined)
    assert.equal(await reading({ prefix: 'a.test' }).read(), undefined)
    assert.deepEqual(asked, [])
  })

  it('takes what the first one has, each reached in its own way and by one client', async () => {
    const { read, asked, opened, reads, closed } = reading(mirrored(ONE, TWO), { 'two.test': 'x' })
    for (let turn = 0; turn < 2; turn++) assert.deepEqual(await read(), { value: 'x' })
    const both = ['one.test/m/team/app', 'plain two.test/team/app']
    assert.deepEqual(asked, [...both, ...both])
    assert.deepEqual(opened, [false, true])
    reads[Symbol.dispose]()
    assert.equal(closed(), 2)
  })

  it('leaves it to the registry itself if no mirror has it, and asks them again', async () => {
    const { read, asked, news } = reading(mirrored(ONE, TWO), { 'one.test': ABSENT })
    for (let turn = 0; turn < 2; turn++) assert.equal(await read(), undefined)
    assert.equal(asked.length, 4)
    assert.deepEqual(news, [])
  })

  it('gives up a mirror that fails, and says so once, also where two reads find out', async () => {
    const { read, asked, news } = reading(mirrored(ONE, TWO), {
      'one.test': BROKEN,
      'two.test': 'x',
    })
    const both = await Promise.all([read(), read()])
    assert.deepEqual(both, [{ value: 'x' }, { value: 'x' }])
    assert.deepEqual(await read(), { value: 'x' })
    assert.equal(asked.filter((place) => place.startsWith('one.test')).length, 2)
    assert.deepEqual(news, ['the mirror one.test/m is not used any more: other bytes'])
  })

  it('gives up each mirror that fails', async () => {
    const { read, asked, news } = reading(mirrored(ONE, TWO), {
      'one.test': BROKEN,
      'two.test': BROKEN,
    })
    for (let turn = 0; turn < 2; turn++) assert.equal(await read(), undefined)
    assert.equal(asked.length, 2)
    assert.deepEqual(
      news.map((message) => message.split(' ')[2]),
      ['one.test/m', 'two.test'],
    )
  })

  it('hides no error that is not of the mirror, and none after it was given up', async () => {
    const bug = new TypeError('a bug')
    await assert.rejects(reading(mirrored(ONE), { 'one.test': bug }).read(), bug)
    const stopped = reading(mirrored(ONE, TWO), { 'one.test': ABSENT })
    await assert.rejects(stopped.read('digest', APP, AbortSignal.abort()), ABSENT)
    assert.equal(stopped.asked.length, 1)
    const going = reading(mirrored(ONE), { 'one.test': ABSENT })
    assert.equal(await going.read('digest', APP, new AbortController().signal), undefined)
  })

  it('asks each only for what it is there for, and none for what belongs to an image', async () => {
    const uses = ['all', 'digest-only', 'tag-only', undefined].map((use, index) => ({
      location: `m${index}.test`,
      ...(use === undefined ? {} : { 'pull-from-mirror': use }),
    }))
    for (const [kind, expected] of [
      ['digest', ['m0', 'm1', 'm3']],
      ['image-tag', ['m0', 'm2', 'm3']],
      ['belongings', []],
    ] as const) {
      const { read, asked } = reading(mirrored(...uses))
      assert.equal(await read(kind), undefined)
      assert.deepEqual(
        asked,
        expected.map((name) => `${name}.test/team/app`),
      )
    }
    const byDigest = { ...mirrored(ONE), 'mirror-by-digest-only': true }
    const { read, asked } = reading(byDigest, { 'one.test': 'x' })
    assert.equal(await read('image-tag'), undefined)
    assert.deepEqual(asked, [])
    assert.deepEqual(await read('digest'), { value: 'x' })
  })

  it('says once that a mirror decides what a tag is, and nothing of digests', async () => {
    const { read, news } = reading(mirrored(ONE), { 'one.test': 'x' })
    await read('digest')
    assert.deepEqual(news, [])
    for (let turn = 0; turn < 2; turn++) await read('image-tag')
    assert.deepEqual(news, ['tags are read from the mirror one.test/m'])
  })

  it('reads what was moved at its new place alone, whatever that says', async () => {
    const found = reading(MOVED, { 'moved.test:5000': 'x' })
    for (const kind of ['digest', 'image-tag', 'belongings'] as const) {
      assert.deepEqual(await found.read(kind), { value: 'x' })
    }
    assert.equal(found.asked[0], 'plain moved.test:5000/m/team/app')
    assert.deepEqual(await reading(MOVED).read(), { value: undefined })
    for (const error of [ABSENT, BROKEN]) {
      const failing = reading(MOVED, { 'moved.test:5000': error })
      for (let turn = 0; turn < 2; turn++) await assert.rejects(failing.read(), error)
      assert.deepEqual(failing.news, [])
    }
  })
})

describe('a repository that is blocked', () => {
  const blocked = { ...mirrored(ONE), prefix: 'a.test/team', blocked: true }

  it('is not read, not from its mirrors either', async () => {
    const { read, asked } = reading(blocked, { 'one.test': 'x' })
    for (const kind of ['digest', 'image-tag', 'belongings'] as const) {
      await assert.rejects(read(kind), {
        code: 'ERR_REGISTRY_BLOCKED',
        message: /^a\.test\/team\/app is blocked in registries\.conf, by the entry a\.test\/team$/,
      })
    }
    assert.deepEqual(asked, [])
    assert.equal(await read('digest', { registry: 'a.test', repository: 'other' }), undefined)
  })

  it('is refused before anything is sent to it, and no other is', () => {
    const entries = (isBlocked: boolean) =>
      readRegistryEntries({ registry: [{ prefix: 'a.test', blocked: isBlocked }] }, 'f')
    const refused = { code: 'ERR_REGISTRY_BLOCKED' }
    assert.throws(() => requireNotBlocked(entries(true), APP), refused)
    const spelled = { registry: 'A.test:443', repository: 'team/app' }
    assert.throws(() => requireNotBlocked(entries(true), spelled), refused)
    requireNotBlocked(entries(false), APP)
    requireNotBlocked(entries(true), { registry: 'b.test', repository: 'team/app' })
  })
})
