import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import {
  createMasterKey,
  generateMasterKey,
  hasMasterKey,
  loadMasterKey,
  type MasterKeySource,
} from '../../src/keys/master-key.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

const key = (base64 = generateMasterKey()): MasterKeySource => ({ kind: 'key', base64 })

describe('master key', () => {
  it('a key given as text opens what it created, with different subkeys for each use', async () => {
    await using directory = await createTemporaryDirectory()
    const source = key()
    assert.equal(await hasMasterKey(directory.path), false)
    const created = await createMasterKey(source, directory.path)
    assert.equal(await hasMasterKey(directory.path), true)
    const loaded = await loadMasterKey(source, directory.path)
    assert.deepEqual(loaded.deriveSubkey('software keys'), created.deriveSubkey('software keys'))
    assert.equal(loaded.deriveSubkey('audit head').length, 32)
    assert.notDeepEqual(loaded.deriveSubkey('audit head'), loaded.deriveSubkey('software keys'))
    assert.notDeepEqual(loaded.deriveCheckValue(), loaded.deriveSubkey('software keys'))
  })

  it('another key does not open it and writes nothing', async () => {
    await using directory = await createTemporaryDirectory()
    await createMasterKey(key(), directory.path)
    const before = await readFile(join(directory.path, 'master-key.json'))
    await assert.rejects(loadMasterKey(key(), directory.path), { code: 'ERR_KEYS_MASTER_KEY' })
    await assert.rejects(
      loadMasterKey({ kind: 'passphrase', passphrase: 'one two three four' }, directory.path),
      { code: 'ERR_KEYS_MASTER_KEY' },
    )
    assert.deepEqual(await readFile(join(directory.path, 'master-key.json')), before)
    assert.deepEqual(await readdir(directory.path), ['master-key.json'])
  })

  it('loading never creates, creating never replaces', async () => {
    await using directory = await createTemporaryDirectory()
    await assert.rejects(loadMasterKey(key(), directory.path), {
      code: 'ERR_KEYS_MASTER_KEY_SOURCE',
    })
    assert.deepEqual(await readdir(directory.path), [])
    const source = key()
    await createMasterKey(source, directory.path)
    await assert.rejects(createMasterKey(key(), directory.path), {
      code: 'ERR_KEYS_MASTER_KEY_EXISTS',
    })
    await loadMasterKey(source, directory.path)
  })

  it('a passphrase derives it with the stored salt, in either Unicode form', async () => {
    await using directory = await createTemporaryDirectory()
    const passphrase = 'caf\u00e9 horse battery'
    const created = await createMasterKey({ kind: 'passphrase', passphrase }, directory.path)
    const source: MasterKeySource = { kind: 'passphrase', passphrase: passphrase.normalize('NFD') }
    const loaded = await loadMasterKey(source, directory.path)
    assert.deepEqual(loaded.deriveSubkey('audit head'), created.deriveSubkey('audit head'))
    await assert.rejects(
      loadMasterKey({ kind: 'passphrase', passphrase: 'wrong wrong wrong' }, directory.path),
      { code: 'ERR_KEYS_MASTER_KEY' },
    )
    await assert.rejects(loadMasterKey(key(), directory.path), { code: 'ERR_KEYS_MASTER_KEY' })
    const stored = await readFile(join(directory.path, 'master-key.json'), 'utf8')
    assert.ok(!stored.includes('horse'))
  })

  it('a short passphrase is refused at creation', async () => {
    await using directory = await createTemporaryDirectory()
    await assert.rejects(
      createMasterKey({ kind: 'passphrase', passphrase: 'short' }, directory.path),
      { code: 'ERR_KEYS_MASTER_KEY_SOURCE' },
    )
    assert.deepEqual(await readdir(directory.path), [])
  })

  it('text that is no key is refused', async () => {
    await using directory = await createTemporaryDirectory()
    for (const base64 of ['', 'secret', 'AAAA', `${generateMasterKey()}AAAA`, 'z'.repeat(43)]) {
      await assert.rejects(createMasterKey(key(base64), directory.path), (thrown: Error) => {
        assert.equal((thrown as { code?: string }).code, 'ERR_KEYS_MASTER_KEY_SOURCE')
        return base64 === '' || !inspect(thrown).includes(base64)
      })
    }
  })

  it('a file opens it if only its owner can read it and it lies outside', async () => {
    await using directory = await createTemporaryDirectory()
    const data = join(directory.path, 'data')
    await mkdir(data)
    const path = join(directory.path, 'key')
    await writeFile(path, `${generateMasterKey()}\n`, { mode: 0o600 })
    await createMasterKey({ kind: 'file', path }, data)
    await loadMasterKey({ kind: 'file', path }, data)
    for (const mode of [0o640, 0o604, 0o660]) {
      await chmod(path, mode)
      await assert.rejects(loadMasterKey({ kind: 'file', path }, data), {
        code: 'ERR_KEYS_MASTER_KEY_SOURCE',
        hints: ['Run `chmod 600` on it.'],
      })
    }
  })

  it('a file inside the data directory is refused, also through links', async () => {
    await using directory = await createTemporaryDirectory()
    const data = join(directory.path, 'data')
    await mkdir(data)
    const inside = join(data, '..key')
    await writeFile(inside, generateMasterKey(), { mode: 0o600 })
    await symlink(inside, join(directory.path, 'link'))
    await symlink(data, join(directory.path, 'data-link'))
    for (const [path, dataDirectory] of [
      [inside, data],
      [join(directory.path, 'link'), data],
      [inside, join(directory.path, 'data-link')],
    ] as const) {
      await assert.rejects(createMasterKey({ kind: 'file', path }, dataDirectory), {
        code: 'ERR_KEYS_MASTER_KEY_SOURCE',
        message: /inside the data directory/,
      })
    }
  })

  it('a missing or huge file is refused', async () => {
    await using directory = await createTemporaryDirectory()
    await using data = await createTemporaryDirectory()
    const path = join(directory.path, 'key')
    await assert.rejects(createMasterKey({ kind: 'file', path }, data.path), (thrown: Error) => {
      assert.equal((thrown as { code?: string }).code, 'ERR_KEYS_MASTER_KEY_SOURCE')
      return !thrown.message.includes(directory.path)
    })
    await writeFile(path, 'A'.repeat(10_000), { mode: 0o600 })
    await assert.rejects(createMasterKey({ kind: 'file', path }, data.path), {
      code: 'ERR_KEYS_MASTER_KEY_SOURCE',
    })
  })

  it('a damaged master-key.json is refused', async () => {
    await using directory = await createTemporaryDirectory()
    const source: MasterKeySource = { kind: 'passphrase', passphrase: 'one two three four' }
    await createMasterKey(source, directory.path)
    const path = join(directory.path, 'master-key.json')
    const good = await readFile(path, 'utf8')
    for (const damaged of [
      '',
      '{}',
      'null',
      good.slice(0, -10),
      good.replace('"version": 1', '"version": 2'),
      good.replace('131072', '2'),
      good.replace(/"salt": "[^"]+"/, '"salt": 1'),
      good.replace(/"checkValue": "[^"]+"/, '"checkValue": "!"'),
    ]) {
      await writeFile(path, damaged)
      await assert.rejects(loadMasterKey(source, directory.path), {
        code: 'ERR_KEYS_MASTER_KEY_SOURCE',
      })
    }
  })

  it('does not print itself', async () => {
    await using directory = await createTemporaryDirectory()
    const base64 = generateMasterKey()
    const masterKey = await createMasterKey(key(base64), directory.path)
    const printed =
      inspect({ masterKey }, { showHidden: true, depth: 9 }) + JSON.stringify({ masterKey })
    assert.equal(printed, '{ masterKey: MasterKey {} }{"masterKey":{}}')
  })
})
