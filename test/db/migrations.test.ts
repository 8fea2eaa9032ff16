import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { imageCondition } from '../../src/db/image-condition.ts'
import { MIGRATIONS } from '../../src/db/migrations.ts'
import { typeCondition } from '../../src/db/type-condition.ts'

describe('the schema', () => {
  it('keeps the images of requests that were indexed by file, each once', () => {
    using database = openMemory()
    const [first = '', ...later] = MIGRATIONS
    database.exec(first)
    const insert = database.prepare("INSERT INTO signing_request_images VALUES ('org', ?, ?, ?, ?)")
    insert.run('sha256:a', 1, 'a.json', 'r.test/a')
    insert.run('sha256:a', 1, 'b.json', 'r.test/a')
    insert.run('sha256:a', 1, 'c.json', 'r.test/b')
    insert.run('sha256:b', 2, 'a.json', 'r.test/a')
    for (const step of later) database.exec(step)
    const rows = database
      .prepare(
        'SELECT digest, place >> 20, repository FROM signing_request_images ORDER BY digest, repository',
      )
      .raw()
      .all()
    assert.deepEqual(rows, [
      ['sha256:a', 1, 'r.test/a'],
      ['sha256:a', 1, 'r.test/b'],
      ['sha256:b', 2, 'r.test/a'],
    ])
    assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
  })

  it('finds images through an index, by digest and by repository, however many requests there are', () => {
    using database = openMemory()
    for (const step of MIGRATIONS) database.exec(step)
    const insert = database.prepare(
      "INSERT INTO signing_request_images VALUES (? << 20 | ?, 'org', ?, ?)",
    )
    const digestOf = (name: string): string =>
      `sha256:${createHash('sha256').update(name).digest('hex')}`
    const SEQUENCES = [1, 1023, 1024, 5000, 123_456]
    for (const seq of SEQUENCES) {
      insert.run(seq, 0, 'r.test/a', digestOf('same'))
      insert.run(seq, 1, `r.test/${seq}`, digestOf(String(seq)))
    }
    const find = (by: 'digest' | 'repository', value: string, organizationId = 'org'): number[] => {
      const { sql, parameters } = imageCondition(organizationId, by, value)
      const select = `SELECT place >> 20 FROM signing_request_images WHERE ${sql} ORDER BY place`
      const plan = database
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${select}`)
        .all(...parameters)
      assert.match(
        plan.map(({ detail }) => detail).join('; '),
        new RegExp(
          `^SEARCH signing_request_images USING (COVERING )?INDEX signing_request_images_by_${by} `,
        ),
      )
      return database
        .prepare<unknown[], number>(select)
        .pluck()
        .all(...parameters)
    }
    assert.deepEqual(find('digest', digestOf('same')), SEQUENCES)
    assert.deepEqual(find('digest', digestOf('5000')), [5000])
    assert.deepEqual(find('digest', `${digestOf('5000').slice(0, 30)}${'0'.repeat(41)}`), [])
    assert.deepEqual(find('digest', digestOf('same'), 'another'), [])
    assert.deepEqual(find('repository', 'r.test/a'), SEQUENCES)
    assert.deepEqual(find('repository', 'r.test/1024'), [1024])
    assert.deepEqual(find('repository', 'r.test/a', 'another'), [])
  })

  it('finds events by type, in the order of their numbers and without sorting', () => {
    using database = openMemory()
    for (const step of MIGRATIONS) database.exec(step)
    const insert = database.prepare(
      "INSERT INTO audit_events (chain, number, at, type, record, hash) VALUES (1, ?, 0, ?, '{}', x'00')",
    )
    const TYPES = ['User.Created', 'SigningRequest.Submitted', 'SigningRequest.Signed', 'Signing']
    for (let number = 1; number <= 12; number += 1) insert.run(number, TYPES[number % 4])
    const find = (type: string): [numbers: number[], plan: string] => {
      const { sql, parameters } = typeCondition(type)
      const select = `SELECT number FROM audit_events WHERE chain = 1 AND ${sql} ORDER BY number`
      const plan = database
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${select}`)
        .all(...parameters)
      return [
        database
          .prepare<unknown[], number>(select)
          .pluck()
          .all(...parameters),
        plan.map(({ detail }) => detail).join('; '),
      ]
    }
    const byType = /USING (COVERING )?INDEX audit_events_by_type/
    const byNumber = /^SEARCH audit_events USING INDEX audit_events_by_number \(chain=\?\)$/
    for (const [type, numbers, expected] of [
      ['User.Created', [4, 8, 12], byType],
      ['User.*', [4, 8, 12], byType],
      ['SigningRequest.Submitted', [1, 5, 9], byNumber],
      ['SigningRequest.Signed', [2, 6, 10], byNumber],
      ['SigningRequest.*', [1, 2, 5, 6, 9, 10], byNumber],
      ['Signing*', [1, 2, 3, 5, 6, 7, 9, 10, 11], byNumber],
      ['Signing', [3, 7, 11], byType],
      ['SigningRequest.D*', [], byType],
      ['*', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], byNumber],
    ] as const) {
      const [found, plan] = find(type)
      assert.deepEqual(found, numbers, type)
      assert.match(plan, expected, type)
    }
  })
})

function openMemory(): Database.Database & Disposable {
  const database = new Database(':memory:')
  return Object.assign(database, { [Symbol.dispose]: () => database.close() })
}
