import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { createStore, loadStore, type Store } from '../../src/db/open-store.ts'

const auditKey = new Uint8Array(32).fill(7)
const MEBIBYTE = 1024 * 1024

/** Writes a row of a mebibyte, of which the write-ahead log takes a little more. */
async function write(store: Store, number: number): Promise<void> {
  await store.ledger.note([
    {
      sql: 'INSERT INTO idempotency_keys (submitter_id, key, fingerprint, signing_request_id, at) VALUES (?, ?, ?, ?, ?)',
      parameters: ['u', String(number), new Uint8Array(MEBIBYTE).fill(number), 'r', number],
    },
  ])
}

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'chancery-checkpoints-'))
  try {
    await test(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const sizeOf = (directory: string, name: string): number =>
  statSync(join(directory, name)).size / MEBIBYTE

describe('the write-ahead log', () => {
  it('stays small under load, and what was written is there after a restart', () =>
    inDirectory(async (directory) => {
      const ROWS = 120
      {
        await using store = await createStore({ directory, auditKey })
        for (let number = 0; number < ROWS; number += 1) await write(store, number)
        assert.ok(sizeOf(directory, 'chancery.db-wal') < 70)
        assert.ok(sizeOf(directory, 'chancery.db') > 10, 'nothing was copied')
      }
      assert.ok(
        !readdirSync(directory).includes('chancery.db-wal'),
        'it was not emptied at the end',
      )
      await using store = await loadStore({ directory, auditKey })
      const rows = store.reader.all<{ at: number; fingerprint: Uint8Array }>(
        'SELECT at, fingerprint FROM idempotency_keys ORDER BY at',
      )
      assert.equal(rows.length, ROWS)
      assert.ok(rows.every(({ at, fingerprint }) => fingerprint.every((byte) => byte === at)))
      assert.equal(
        store.reader.get<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check,
        'ok',
      )
    }))

  it('goes on growing while somebody reads an old state, and shrinks afterwards', () =>
    inDirectory(async (directory) => {
      await using store = await createStore({ directory, auditKey })
      await write(store, 0)
      const reader = new Database(join(directory, 'chancery.db'), { readonly: true })
      reader.exec('BEGIN')
      reader.prepare('SELECT count(*) FROM idempotency_keys').get()
      for (let number = 1; number < 90; number += 1) await write(store, number)
      assert.ok(sizeOf(directory, 'chancery.db-wal') > 80)
      assert.equal(reader.prepare('SELECT count(*) FROM idempotency_keys').pluck().get(), 1)
      reader.close()
      for (let number = 90; number < 180; number += 1) await write(store, number)
      assert.ok(sizeOf(directory, 'chancery.db-wal') < 80)
    }))
})
