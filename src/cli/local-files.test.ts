import assert from 'node:assert/strict'
import {
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ChanceryError } from '../errors/chancery-error.ts'
import { aboutFile, readUserFile, requireOtherFiles, writeUserFile } from './local-files.ts'

describe('a file that is written', () => {
  const directory = mkdtempSync(join(tmpdir(), 'chancery-files-'))
  after(() => {
    rmSync(directory, { recursive: true })
  })

  it('goes into no link that lies where its fresh copy was to be expected', async () => {
    symlinkSync(join(directory, 'elsewhere'), join(directory, `.key.pem.${process.pid}.new`))
    await writeUserFile(join(directory, 'key.pem'), new TextEncoder().encode('secret'), 0o600)
    assert.equal(readFileSync(join(directory, 'key.pem'), 'utf8'), 'secret')
    assert.equal(statSync(join(directory, 'key.pem')).mode & 0o777, 0o600)
    assert.ok(!readdirSync(directory).includes('elsewhere'))
  })
})

describe('what a file holds', () => {
  it('is told with the name of the file where it is wrong, by the same code', async () => {
    const wrong = new ChanceryError('ERR_VERIFY_KEY', 'expected a key', { hints: ['Make one.'] })
    const throwIt = (error: unknown) => () => {
      throw error
    }
    await assert.rejects(aboutFile('a.pub', throwIt(wrong)), {
      code: 'ERR_VERIFY_KEY',
      message: 'a.pub: expected a key',
      hints: ['Make one.'],
    })
    const unreadable = new ChanceryError('ERR_CLI_FILE', 'expected to read a.pub')
    await assert.rejects(aboutFile('a.pub', throwIt(unreadable)), unreadable)
    await assert.rejects(aboutFile('a.pub', throwIt(new TypeError('bug'))), TypeError)
    assert.equal(await aboutFile('a.pub', () => 1), 1)
  })
})

describe('a file that is read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'chancery-files-'))
  const path = join(directory, 'file')
  after(() => {
    rmSync(directory, { recursive: true })
  })

  it('is read whole up to the limit, and not beyond it', async () => {
    const bytes = Buffer.alloc(70_000, 'abc')
    writeFileSync(path, bytes)
    assert.ok(bytes.equals(await readUserFile(path, 70_000)))
    await assert.rejects(readUserFile(path, 69_999), {
      code: 'ERR_CLI_FILE',
      message: `expected at most 69999 bytes in ${path}`,
    })
    writeFileSync(path, '')
    assert.equal((await readUserFile(path, 0)).length, 0)
    await assert.rejects(readUserFile(join(directory, 'none'), 1), { code: 'ERR_CLI_FILE' })
    await assert.rejects(readUserFile(directory, 1), /found a directory/)
  })

  it('may be a device that never ends', async () => {
    await assert.rejects(readUserFile('/dev/zero', 3_000_000), { code: 'ERR_CLI_FILE' })
    assert.equal((await readUserFile('/dev/null', 3_000_000)).length, 0)
  })
})

describe('requireOtherFiles', () => {
  const directory = mkdtempSync(join(tmpdir(), 'chancery-files-'))
  const at = (name: string): string => join(directory, name)
  after(() => {
    rmSync(directory, { recursive: true })
  })
  writeFileSync(at('input'), 'x')
  linkSync(at('input'), at('hard'))
  symlinkSync(at('input'), at('soft'))

  it('knows a file under every name it has', async () => {
    for (const name of ['input', 'hard', 'soft', './input']) {
      const output = `${directory}/${name}`
      await assert.rejects(requireOtherFiles([at('input')], [output]), { code: 'ERR_CLI_USAGE' })
    }
    await assert.rejects(requireOtherFiles([], [at('new'), `${directory}/./new`]), {
      code: 'ERR_CLI_USAGE',
    })
  })

  it('lets other files pass, whether they are there or not', async () => {
    writeFileSync(at('other'), 'y')
    await requireOtherFiles([at('input'), undefined], [at('other'), at('new'), undefined])
    await requireOtherFiles([at('missing')], [at('new'), at('nowhere/new')])
  })
})
