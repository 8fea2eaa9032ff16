import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { join } from 'node:path'
import { chanceryPath, createMasterKey, runChancery } from '../support/chancery-process.ts'
import { startProgram } from '../support/child-process.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'

/** Those of ERR_DB_EXISTS, once it is made, and of ERR_DB_LOCKED, before that. */
const REFUSED: readonly (number | null)[] = [5, 6]

describe('several `chancery init` at once in one directory', () => {
  it('make one authority, whose token stays good; the others are refused', async () => {
    await using directory = await createTemporaryDirectory()
    const dataDir = join(directory.path, 'data')
    const env = { CHANCERY_MASTER_KEY: createMasterKey() }
    const args = ['init', '--data-dir', dataDir, '--organization', 'Acme', '--json']
    const all = await Promise.all(Array.from({ length: 4 }, () => runChancery(args, { env })))
    const made = all.filter(({ code }) => code === 0)
    assert.equal(made.length, 1, all.map(({ stderr }) => stderr).join('\n'))
    for (const { code, stderr } of all.filter((one) => one !== made[0])) {
      assert.ok(REFUSED.includes(code), stderr)
    }
    const { organizationId, apiToken } = JSON.parse(made[0]?.stdout ?? '') as {
      organizationId: string
      apiToken: string
    }
    const listening = /^Listening on (http:\/\/127\.0\.0\.1:\d+)$/m
    const serve = [chanceryPath, 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0']
    const { program, match } = await startProgram(process.execPath, serve, listening, {
      env: { ...process.env, ...env },
    })
    const known = await runChancery(['users', 'list', '--json'], {
      env: {
        CHANCERY_URL: match[1] ?? '',
        CHANCERY_ORGANIZATION: organizationId,
        CHANCERY_TOKEN: apiToken,
      },
    })
    await program.stop()
    assert.equal(known.code, 0, known.stderr)
  })
})
