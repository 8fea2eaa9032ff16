import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { verifyStoredLog } from '../../src/audit/verify-audit-log.ts'
import { GENESIS, hashAuditRecord, sealAuditHead } from '../../src/db/audit-chain.ts'
import type { AuditEvent, Change } from '../../src/db/ledger.ts'
import { createStore, loadStore, type Store } from '../../src/db/open-store.ts'

const auditKey = new Uint8Array(32).fill(7)
const organizationId = '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f'

const event = (type = 'Test.Happened', data: AuditEvent['data'] = {}): AuditEvent => ({
  organizationId,
  type,
  at: 1,
  actorId: null,
  address: null,
  requestId: null,
  objectId: null,
  data,
})

/** A change that remembers an idempotency key, since that table has a simple unique key. */
const remember = (key: string, type?: string): Change => ({
  statements: [
    {
      sql: 'INSERT INTO idempotency_keys (submitter_id, key, fingerprint, signing_request_id, at) VALUES (?, ?, ?, ?, ?)',
      parameters: ['u', key, new Uint8Array([1, 2, 3]), 'r', 1],
    },
  ],
  events: [event(type)],
})

async function inNewStore(test: (store: Store, directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'chancery-store-'))
  try {
    await using store = await createStore({ directory, auditKey })
    await test(store, directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const keysIn = (store: Store): readonly string[] =>
  store.reader
    .all<{ key: string }>('SELECT key FROM idempotency_keys ORDER BY key')
    .map(({ key }) => key)

describe('the ledger', () => {
  it('numbers the events of an organization without gaps and links them', () =>
    inNewStore(async (store) => {
      const numbers = await Promise.all(
        ['a', 'b', 'c'].map((key) => store.ledger.commit(remember(key))),
      )
      assert.deepEqual(numbers, [[1], [2], [3]])
      const rows = store.reader.all<{ number: number; record: string; hash: Uint8Array }>(
        'SELECT number, record, hash FROM audit_events ORDER BY number',
      )
      let head = GENESIS
      for (const row of rows) {
        head = hashAuditRecord(head, row.number, row.record)
        assert.deepEqual(new Uint8Array(row.hash), new Uint8Array(head))
      }
      const chain = store.reader.get<{ number: number; head: Uint8Array; seal: Uint8Array }>(
        'SELECT number, head, seal FROM audit_chains',
      )
      assert.equal(chain?.number, 3)
      assert.deepEqual(
        new Uint8Array(chain.seal),
        new Uint8Array(sealAuditHead(auditKey, organizationId, 3, head)),
      )
    }))

  it('lets changes that arrive together share a commit', () =>
    inNewStore(async (store) => {
      await store.ledger.commit(remember('first'))
      const before = store.commits()
      await Promise.all(
        Array.from({ length: 300 }, (_, n) => store.ledger.commit(remember(`k${n}`))),
      )
      assert.ok(
        store.commits() - before <= 3,
        `${store.commits() - before} commits for 300 changes`,
      )
    }))

  it('refuses one change of a batch and keeps the others, with their events', () =>
    inNewStore(async (store) => {
      await store.ledger.commit(remember('taken'))
      const outcomes = await Promise.allSettled([
        store.ledger.commit(remember('one')),
        store.ledger.commit(remember('taken')),
        store.ledger.commit({
          statements: [
            {
              sql: 'UPDATE idempotency_keys SET at = 2 WHERE key = ?',
              parameters: ['nobody'],
              expectChanges: 1,
            },
          ],
          events: [event()],
        }),
        store.ledger.commit(remember('two')),
      ])
      assert.deepEqual(
        outcomes.map((outcome) =>
          outcome.status === 'fulfilled'
            ? outcome.value
            : (outcome.reason as { code: string }).code,
        ),
        [[2], 'ERR_DB_DUPLICATE', 'ERR_DB_CONFLICT', [3]],
      )
      assert.deepEqual(keysIn(store), ['one', 'taken', 'two'])
      assert.equal(store.reader.get<{ n: number }>('SELECT count(*) AS n FROM audit_events')?.n, 3)
    }))

  it('keeps the log whole when one of many changes is refused', () =>
    inNewStore(async (store) => {
      await store.ledger.commit(remember('taken'))
      const keys = Array.from({ length: 45 }, (_, n) => (n === 21 ? 'taken' : `k${n}`))
      const changes = keys.map((key) => {
        const change = remember(key)
        return { ...change, events: [...change.events, event('Test.HappenedToo', { key })] }
      })
      const outcomes = await Promise.allSettled(
        changes.map((change) => store.ledger.commit(change)),
      )
      const numbers = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? outcome.value : [],
      )
      assert.deepEqual(
        numbers,
        Array.from({ length: 88 }, (_, n) => n + 2),
      )
      const { isIntact, events } = await verifyStoredLog(store.reader, auditKey, organizationId)
      assert.deepEqual([isIntact, events], [true, 89])
      const logged = store.reader.all<{ key: string }>(
        "SELECT record ->> '$.data.key' AS key FROM audit_events WHERE type = 'Test.HappenedToo' ORDER BY seq",
      )
      assert.deepEqual(
        logged.map(({ key }) => key),
        keys.filter((key) => key !== 'taken'),
      )
    }))

  it('undoes every statement of a refused change', () =>
    inNewStore(async (store) => {
      const [good, bad] = [remember('good'), remember('good')]
      await store.ledger.commit(good)
      await assert.rejects(
        store.ledger.commit({
          statements: [...remember('half').statements, ...bad.statements],
          events: [event()],
        }),
        { code: 'ERR_DB_DUPLICATE' },
      )
      assert.deepEqual(keysIn(store), ['good'])
    }))

  it('keeps a log for each organization, even one whose first event was refused', () =>
    inNewStore(async (store) => {
      const other = 'f0000000-0000-7000-8000-000000000001'
      await store.ledger.commit(remember('taken'))
      const refused = { ...remember('taken'), events: [{ ...event(), organizationId: other }] }
      const accepted = { ...remember('free'), events: [{ ...event(), organizationId: other }] }
      const [first, second] = await Promise.allSettled([
        store.ledger.commit(refused),
        store.ledger.commit(accepted),
      ])
      assert.equal(first.status, 'rejected')
      assert.deepEqual(second.status === 'fulfilled' && second.value, [1])
      assert.deepEqual(await store.ledger.commit(remember('more')), [2])
    }))

  it('does not take a change without an event', () =>
    inNewStore(async (store) => {
      await assert.rejects(
        async () => store.ledger.commit({ ...remember('x'), events: [] }),
        /audit event/,
      )
    }))

  it('reports a wrong SQL text as a bug, and goes on', () =>
    inNewStore(async (store) => {
      await assert.rejects(
        store.ledger.commit({
          statements: [{ sql: 'NOT SQL', parameters: [] }],
          events: [event()],
        }),
        (error: Error) => !('code' in error),
      )
      assert.deepEqual(await store.ledger.commit(remember('after')), [1])
    }))
})

describe('the store', () => {
  it('is made once, and loaded only where it was made', () =>
    inNewStore(async (_store, directory) => {
      await assert.rejects(createStore({ directory, auditKey }), { code: 'ERR_DB_EXISTS' })
      await assert.rejects(loadStore({ directory: tmpdir(), auditKey }), { code: 'ERR_DB_MISSING' })
    }))

  it('is used by one process at a time', () =>
    inNewStore(async (_store, directory) => {
      await assert.rejects(loadStore({ directory, auditKey }), { code: 'ERR_DB_LOCKED' })
    }))

  it('does not take a lock that cannot be used for one that another process holds', () =>
    inNewStore(async (store, directory) => {
      await store[Symbol.asyncDispose]()
      const lockFile = join(directory, 'chancery.lock')
      writeFileSync(lockFile, 'no database, but as long as one: '.repeat(40))
      await assert.rejects(loadStore({ directory, auditKey }), { code: 'ERR_DB_UNAVAILABLE' })
      rmSync(lockFile)
      mkdirSync(lockFile)
      await assert.rejects(loadStore({ directory, auditKey }), { code: 'ERR_DB_UNAVAILABLE' })
      rmdirSync(lockFile)
      await (await loadStore({ directory, auditKey }))[Symbol.asyncDispose]()
    }))

  it('consists of files for their owner alone, wherever they lie', () =>
    inNewStore(async (store, directory) => {
      await store.ledger.commit(remember('key'))
      for (const name of readdirSync(directory)) {
        assert.equal(statSync(join(directory, name)).mode & 0o077, 0, name)
      }
    }))

  it('tells a database that is damaged from one that the system does not let it open', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'chancery-store-'))
    try {
      await (await createStore({ directory, auditKey }))[Symbol.asyncDispose]()
      // Stands for every refusal of the system: a missing right does not stop the tests' user where that is root.
      mkdirSync(join(directory, 'chancery.db-wal'))
      const refused = { code: 'ERR_DB_UNAVAILABLE', message: /SQLITE_CANTOPEN/ }
      await assert.rejects(loadStore({ directory, auditKey }), refused)
      rmdirSync(join(directory, 'chancery.db-wal'))
      writeFileSync(join(directory, 'chancery.db'), 'no database'.repeat(1000))
      const damaged = { code: 'ERR_DB_FOREIGN', message: /is damaged/ }
      await assert.rejects(loadStore({ directory, auditKey }), damaged)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('finds everything again after it was closed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'chancery-store-'))
    try {
      {
        await using store = await createStore({ directory, auditKey })
        await store.ledger.commit(remember('kept'))
      }
      await using store = await loadStore({ directory, auditKey })
      assert.deepEqual(keysIn(store), ['kept'])
      assert.deepEqual(await store.ledger.commit(remember('next')), [2])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
