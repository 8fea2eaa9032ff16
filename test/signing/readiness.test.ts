import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { createApp } from '../../src/http/app.ts'
import { addProject, startAuthority, type TestAuthority } from '../support/authority.ts'

/** The database of a running authority, beside it. */
function openDatabase(authority: TestAuthority): Database.Database {
  return new Database(join(authority.directory, 'chancery.db'))
}

describe('readiness', () => {
  it('is there with keys that open, and writes to the disk without a trace', async () => {
    await using authority = await startAuthority()
    await addProject(authority)
    const logged = () => statSync(join(authority.directory, 'chancery.db-wal')).size
    const sizeBefore = logged()
    for (let probe = 0; probe < 3; probe += 1) {
      assert.deepEqual(await authority.services.readiness(), {
        isReady: true,
        checks: { store: true, keys: true },
      })
    }
    assert.ok(logged() > sizeBefore)
    const database = openDatabase(authority)
    assert.deepEqual(database.prepare('SELECT * FROM idempotency_keys').all(), [])
    database.close()
  })

  it('is missing while a key that signs does not open', async (test) => {
    await using authority = await startAuthority()
    await addProject(authority)
    const database = openDatabase(authority)
    database.exec('UPDATE software_keys SET sealed_private_key = zeroblob(64)')
    database.close()
    const warnings = test.mock.method(process, 'emitWarning', () => undefined)
    const app = createApp(authority.services)
    const answer = await app.inject({ url: '/readyz' })
    assert.equal(answer.statusCode, 503)
    assert.equal(answer.json<{ detail: string }>().detail, 'not ready: keys')
    assert.match(
      String(warnings.mock.calls[0]?.arguments[0]),
      /readiness: the key .* cannot be opened/,
    )

    const { administration } = authority.services
    await administration.setCertificateActive(authority.admin.caller(), 'release', false)
    assert.equal((await app.inject({ url: '/readyz' })).statusCode, 200)
  })
})
