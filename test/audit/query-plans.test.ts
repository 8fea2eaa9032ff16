import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditLog } from '../../src/audit/audit-log.ts'
import type { Reader } from '../../src/db/ledger.ts'
import type { AuditQuery } from '../../src/wire/audit.ts'
import { TestAuthority } from '../administration/test-authority.ts'

/** How SQLite finds the events of a query in a real store. */
async function planOf(query: AuditQuery): Promise<string> {
  await using authority = await TestAuthority.create()
  const { reader } = authority.services.store
  const plans: string[] = []
  const explaining: Reader = {
    all: (sql, ...parameters) => reader.all(sql, ...parameters),
    get: (sql, ...parameters) => reader.get(sql, ...parameters),
    iterate(sql, ...parameters) {
      const explain = `EXPLAIN QUERY PLAN ${sql}`
      const steps = reader.all<{ detail: string }>(explain, ...parameters)
      plans.push(steps.map(({ detail }) => detail).join('; '))
      return reader.iterate(sql, ...parameters)
    },
  }
  const log = new AuditLog({ reader: explaining, auditKey: new Uint8Array(32), nameOf: () => null })
  await log.list(authority.administrator, query)
  assert.equal(plans.length, 1)
  return plans[0] ?? ''
}

const cases: readonly (readonly [string, AuditQuery, RegExp])[] = [
  ['everything', {}, /^SEARCH audit_events USING INDEX audit_events_by_number/],
  ['a type', { type: 'User.Created' }, /^SEARCH audit_events USING INDEX audit_events_by_type/],
  [
    'the type of most events',
    { type: 'SigningRequest.Signed' },
    /^SEARCH audit_events USING INDEX audit_events_by_number/,
  ],
  [
    'an object',
    { objectId: '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f' },
    /^SEARCH audit_events USING INDEX audit_events_by_object/,
  ],
  [
    'a digest',
    { digest: `sha256:${'ab'.repeat(32)}` },
    /^SEARCH audit_events USING INDEX audit_events_by_object/,
  ],
]

describe('the audit log, however long it is', () => {
  for (const [what, query, plan] of cases) {
    it(`finds events about ${what} through an index`, async () => {
      assert.match(await planOf(query), plan)
    })
  }
})
