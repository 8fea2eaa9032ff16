import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import { imageCondition } from '../../src/db/image-condition.ts'
import { MIGRATIONS } from '../../src/db/migrations.ts'

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
        'SELECT digest, request_seq, repository FROM signing_request_images ORDER BY digest, repository',
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

  it('finds images through an index, by digest and by repository', () => {
    using database = openMemory()
    for (const step of MIGRATIONS) database.exec(step)
    for (const by of ['digest', 'repository'] as const) {
      const { sql, parameters } = imageCondition('org', by, `sha256:${'ab'.repeat(32)}`)
      const plan = database
        .prepare<unknown[], { detail: string }>(
          `EXPLAIN QUERY PLAN SELECT request_seq FROM signing_request_images WHERE ${sql}`,
        )
        .all(...parameters)
      assert.match(
        plan.map(({ detail }) => detail).join('; '),
        new RegExp(`^SEARCH .*signing_request_images_by_${by} `),
      )
    }
  })
})

function openMemory(): Database.Database & Disposable {
  const database = new Database(':memory:')
  return Object.assign(database, { [Symbol.dispose]: () => database.close() })
}
