import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { AuditLog } from '../../src/audit/audit-log.ts'
import type { AuditEvent } from '../../src/db/ledger.ts'
import { TestAuthority } from '../administration/test-authority.ts'

/** An audit log with so many events of a type. */
async function logWith(count: number, data: AuditEvent['data'] = {}) {
  const authority = await TestAuthority.create()
  const { ledger, reader } = authority.services.store
  const { organizationId } = authority.founded
  const event: AuditEvent = {
    organizationId,
    type: 'SigningRequest.Signed',
    at: Date.parse('2026-11-23T12:00:00.000Z'),
    actorId: null,
    address: null,
    requestId: null,
    objectId: null,
    data,
  }
  await ledger.commit({ statements: [], events: Array.from({ length: count }, () => event) })
  return {
    log: new AuditLog({ reader, auditKey: new Uint8Array(32).fill(7), nameOf: () => null }),
    caller: authority.administrator,
    [Symbol.asyncDispose]: () => authority[Symbol.asyncDispose](),
  }
}

/** How many turns of the event loop there are until something is done. */
async function turnsUntil(work: Promise<unknown>): Promise<number> {
  const isOver = { yet: false }
  void work.finally(() => {
    isOver.yet = true
  })
  let turns = 0
  for (; !isOver.yet; turns += 1) await setImmediate()
  await work
  return turns
}

describe('a long audit log', () => {
  it('is searched while other work runs, whatever is looked for', async () => {
    await using long = await logWith(22_000)
    const { log, caller } = long
    for (const query of [
      { to: '2001-01-01T00:00:00Z' },
      { type: 'SigningRequest.Signed', from: '2030-01-01T00:00:00Z' },
      { type: 'SigningRequest.*', from: '2030-01-01T00:00:00Z', order: 'asc' },
    ] as const) {
      const listed = log.list(caller, query)
      assert.ok((await turnsUntil(listed)) >= 4, JSON.stringify(query))
      assert.deepEqual(await listed, { events: [], next: null })
    }
  })

  it('is found whole, page by page, in either order', async () => {
    await using long = await logWith(12_000)
    const { log, caller } = long
    for (const order of ['asc', 'desc'] as const) {
      const numbers: number[] = []
      let from: object = {}
      for (let pages = 0; pages < 20; pages += 1) {
        const { events, next } = await log.list(caller, { ...from, order, limit: 1000 })
        numbers.push(...events.map(({ number }) => number))
        if (next === null) break
        from = order === 'asc' ? { after: next } : { before: next }
      }
      const all = Array.from({ length: numbers.length }, (_, at) => at + 1)
      assert.deepEqual(numbers, order === 'asc' ? all : all.reverse())
      assert.ok(numbers.length > 12_000)
    }
  })

  it('has short pages, and is exported in short pieces, where its events are long', async () => {
    await using long = await logWith(9, { text: 'x'.repeat(400_000) })
    const { log, caller } = long
    const { events, next } = await log.list(caller, {})
    assert.equal(events.length, 2)
    assert.equal(next, events[1]?.number)
    for (const format of ['jsonl', 'csv'] as const) {
      let lines = 0
      for await (const piece of log.export(caller, { type: 'SigningRequest.Signed' }, format)) {
        assert.ok(piece.length < 2 * 1024 * 1024, `a piece of ${piece.length}`)
        lines += piece.split('\n').length - 1
      }
      assert.equal(lines, format === 'csv' ? 10 : 9)
    }
    assert.equal((await log.verify(caller)).isIntact, true)
  })
})
