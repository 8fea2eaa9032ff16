import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { createStore, loadStore, type Store } from '../../src/db/open-store.ts'

const auditKey = new Uint8Array(32).fill(7)
const MEBIBYTE = 1024 * 1024
/** Of the threads of this process, on Linux. */
const TASKS = '/proc/self/task'

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

/** How many there are in this process, where the system says so. Names are cut after 15 bytes. */
function checkpointThreads(): number {
  if (!existsSync(TASKS)) return 0
  return readdirSync(TASKS).filter((task) => nameOf(task).startsWith('chancery-checkp')).length
}

function nameOf(task: string): string {
  try {
    return readFileSync(join(TASKS, task, 'comm'), 'utf8')
  } catch {
    // It ended meanwhile.
    return ''
  }
}

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

  it('is copied on after rests, which end the thread that copies it', () =>
    inDirectory(async (directory) => {
      const ROWS = 150
      {
        await using store = await createStore({ directory, auditKey })
        for (let number = 0; number < ROWS; number += 1) {
          await write(store, number)
          if (number % 5 === 0) store.rest()
        }
        assert.ok(sizeOf(directory, 'chancery.db-wal') < 70)
        assert.ok(sizeOf(directory, 'chancery.db') > 10, 'nothing was copied')
        // At work it does not end, so that one rest may not be enough.
        while (checkpointThreads() > 0) {
          store.rest()
          await delay(20)
        }
        store.rest()
        await write(store, ROWS)
      }
      assert.ok(
        !readdirSync(directory).includes('chancery.db-wal'),
        'a thread still had it open at the end',
      )
      await using store = await loadStore({ directory, auditKey })
      const count = 'SELECT count(*) AS count FROM idempotency_keys'
      assert.equal(store.reader.get<{ count: number }>(count)?.count, ROWS + 1)
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
