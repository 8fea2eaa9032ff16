import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startAuthority } from '../support/authority.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { runChancery } from '../support/chancery-process.ts'

describe('an exported audit log whose beginning was cut off', () => {
  it('is verified from where it begins, and that is said', async () => {
    await using authority = await startAuthority()
    await using directory = await createTemporaryDirectory()
    await authority.addUser('somebody')
    const lines: string[] = []
    for await (const piece of authority.services.audit.export(
      authority.admin.caller(),
      {},
      'jsonl',
    ))
      lines.push(...piece.trimEnd().split('\n'))
    const path = join(directory.path, 'cut.jsonl')
    await writeFile(path, `${lines.slice(2).join('\n')}\n`)
    const { code, stdout, stderr } = await runChancery([
      'audit',
      'verify',
      '--file',
      path,
      '--json',
    ])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /warning: the file begins with event 3/)
    const verification = JSON.parse(stdout) as Record<string, unknown>
    assert.equal(verification['firstEvent'], 3)
    assert.equal(verification['isIntact'], true)
  })
})
