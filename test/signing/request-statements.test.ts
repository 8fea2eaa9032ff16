import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import type { SqlValue } from '../../src/db/ledger.ts'
import { MIGRATIONS } from '../../src/db/migrations.ts'
import { SqliteReader } from '../../src/db/sqlite-reader.ts'
import { insertRequest, RequestStore, updateRequest } from '../../src/signing/request-store.ts'
import type { SigningRequest } from '../../src/signing/signing-request.ts'

const IMAGES = ['a', 'b'].map((name, index) => ({
  path: `${name}.json`,
  dockerReference: `r.test/${name}`,
  repository: `r.test/${name}`,
  digest: `sha256:${String(index).repeat(64)}`,
  annotations: {},
}))

describe('the statements of a signing request', () => {
  it('need no temporary table for a new one', () => {
    using database = openMemory()
    for (const { sql, parameters } of insertRequest(requestOf('1'))) {
      const steps = database
        .prepare<unknown[], { opcode: string }>(`EXPLAIN ${sql}`)
        .all(...parameters)
      const temporary = steps.filter(({ opcode }) => /^(OpenEphemeral|SorterOpen)$/.test(opcode))
      assert.deepEqual(temporary, [], sql)
    }
  })

  it('enter each image of a new one, and again with its next state', () => {
    using database = openMemory()
    const request = requestOf('1')
    run(database, insertRequest(requestOf('0', [])))
    run(database, insertRequest(request))
    const rows = [
      [2, 0, 'org', 'r.test/a', IMAGES[0]!.digest],
      [2, 1, 'org', 'r.test/b', IMAGES[1]!.digest],
    ]
    assert.deepEqual(readImages(database), rows)
    run(database, updateRequest({ ...request, status: 'Completed', version: 2 }))
    assert.deepEqual(readImages(database), rows)
  })

  it('find those that are open through their index, however many there are', () => {
    using database = openMemory()
    run(database, insertRequest(requestOf('done', [], 'Completed')))
    run(database, insertRequest(requestOf('running', [], 'InProgress')))
    run(database, insertRequest(requestOf('waiting', [], 'WaitingForApproval')))
    run(database, insertRequest(requestOf('announced', [], 'WaitingForArtifactUpload')))
    const plans: string[] = []
    const reader = new SqliteReader(database)
    const store = new RequestStore({
      all<Row>(sql: string, ...parameters: readonly SqlValue[]) {
        const steps = reader.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...parameters)
        plans.push(steps[0]?.detail ?? '')
        return reader.all<Row>(sql, ...parameters)
      },
      get: (sql, ...parameters) => reader.get(sql, ...parameters),
      iterate: (sql, ...parameters) => reader.iterate(sql, ...parameters),
    })
    assert.deepEqual(store.listInProgress(), ['running'])
    assert.deepEqual(store.listOverdue(10), ['running', 'waiting', 'announced'])
    const byIndex = 'SEARCH signing_requests USING INDEX signing_requests_open (status=?)'
    assert.deepEqual(plans, [byIndex, byIndex])
  })
})

function requestOf(
  id: string,
  images: SigningRequest['body']['images'] = IMAGES,
  status: SigningRequest['status'] = 'InProgress',
): SigningRequest {
  return {
    id,
    organizationId: 'org',
    projectId: 'project',
    signingPolicyId: 'policy',
    submitterId: 'user',
    kind: 'artifact',
    status,
    workflowStatus: 'Processing',
    version: 1,
    submittedAt: 1,
    completedAt: null,
    cancelAt: 10,
    body: {
      description: null,
      parameters: {},
      origin: null,
      artifactConfigurationId: 'configuration',
      artifactConfigurationVersion: 1,
      signingPolicyVersion: 1,
      certificateId: 'certificate',
      originalSigningRequestId: null,
      fileName: null,
      unsignedArtifactSha256: null,
      isEntry: false,
      images,
      signatures: [],
      statusReason: null,
      statusHints: [],
      hash: null,
      artifactsDeletedAt: null,
    },
  }
}

function run(database: Database.Database, statements: ReturnType<typeof insertRequest>): void {
  for (const { sql, parameters, expectChanges } of statements) {
    const { changes } = database.prepare(sql).run(...parameters)
    assert.equal(changes, expectChanges ?? changes)
  }
}

function readImages(database: Database.Database): unknown[] {
  return database
    .prepare(
      'SELECT place >> 20, place & 0xfffff, organization_id, repository, digest FROM signing_request_images ORDER BY place',
    )
    .raw()
    .all()
}

function openMemory(): Database.Database & Disposable {
  const database = new Database(':memory:')
  for (const step of MIGRATIONS) database.exec(step)
  return Object.assign(database, { [Symbol.dispose]: () => database.close() })
}
