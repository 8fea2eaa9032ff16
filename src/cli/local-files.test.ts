import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { writeUserFile } from './local-files.ts'

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
