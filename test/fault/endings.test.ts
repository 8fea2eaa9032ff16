import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AuditEvent } from '../../src/db/ledger.ts'
import { createStore, loadStore } from '../../src/db/open-store.ts'
import { openAuthority, type Authority } from '../../src/main/authority.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import { initAuthority } from '../../src/main/init-authority.ts'
import type { Caller } from '../../src/policy/caller.ts'
import {
  addProject,
  payloadFor,
  startAuthority,
  TEST_MASTER_KEY,
  type TestUser,
} from '../support/authority.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { payloadOf, requireNoLitter } from './faulty-service.ts'

const auditKey = new Uint8Array(32).fill(7)

const event: AuditEvent = {
  organizationId: '0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
  type: 'Test.Happened',
  at: 1,
  actorId: null,
  address: null,
  requestId: null,
  objectId: null,
  data: {},
}

const isUnavailable = { code: 'ERR_DB_UNAVAILABLE' }

function openAgain(dataDirectory: string, problems: string[] = []): Promise<Authority> {
  return openAuthority({
    dataDirectory,
    masterKey: TEST_MASTER_KEY,
    report: (what) => problems.push(what),
  })
}

const codeOf = (thrown: unknown): string => (thrown as { code: string }).code

/** Does something to the database of a directory from outside. */
function alter<Value>(directory: string, change: (database: Database.Database) => Value): Value {
  const database = new Database(join(directory, 'chancery.db'))
  try {
    return change(database)
  } finally {
    database.close()
  }
}

describe('a store that is closed', () => {
  it('answers every change it was given, and keeps those it accepted', async () => {
    await using directory = await createTemporaryDirectory()
    const store = await createStore({ directory: directory.path, auditKey })
    const commit = (): Promise<unknown> => store.ledger.commit({ statements: [], events: [event] })
    const early = Array.from({ length: 2000 }, commit)
    const closed = store[Symbol.asyncDispose]()
    const late = Array.from({ length: 10 }, commit)
    const outcomes = await Promise.allSettled([...early, ...late])
    await closed
    const kept = outcomes.filter(({ status }) => status === 'fulfilled').length
    assert.ok(kept >= 2000)
    await assert.rejects(commit(), isUnavailable)
    const count = alter(directory.path, (database) =>
      database.prepare('SELECT count(*) FROM audit_events').pluck().get(),
    )
    assert.equal(count, kept)
  })

  it('ends though its disk has failed', async () => {
    await using directory = await createTemporaryDirectory()
    const store = await createStore({ directory: directory.path, auditKey })
    await store.ledger.commit({ statements: [], events: [event] })
    damage(directory.path)
    await assert.rejects(store.ledger.commit({ statements: [], events: [event] }), isUnavailable)
    await store[Symbol.asyncDispose]()
  })
})

describe('a store that another process locks for a while', () => {
  it('refuses what it cannot write in the meantime, and goes on afterwards', async () => {
    await using directory = await createTemporaryDirectory()
    await using store = await createStore({ directory: directory.path, auditKey })
    const other = new Database(join(directory.path, 'chancery.db'))
    other.exec('BEGIN IMMEDIATE')
    await assert.rejects(store.ledger.commit({ statements: [], events: [event] }), isUnavailable)
    other.exec('ROLLBACK')
    other.close()
    assert.deepEqual(await store.ledger.commit({ statements: [], events: [event] }), [1])
  })
})

describe('a store that is opened', () => {
  for (const [what, sql] of [
    ['whose last events were deleted', 'DELETE FROM audit_events WHERE number = 3'],
    [
      'that was set back',
      'DELETE FROM audit_events WHERE number = 3; UPDATE audit_chains SET number = 2, head = (SELECT hash FROM audit_events WHERE number = 2)',
    ],
    [
      'with events behind its end',
      "INSERT INTO audit_events (chain, number, at, type, record, hash) VALUES (1, 4, 1, 'x', '{}', x'00')",
    ],
    ['with another seal', "UPDATE audit_chains SET seal = x'00'"],
  ] as const) {
    it(`does not go on with an audit log ${what}, which would seal that`, async () => {
      await using directory = await createTemporaryDirectory()
      {
        await using store = await createStore({ directory: directory.path, auditKey })
        for (let n = 0; n < 3; n += 1)
          await store.ledger.commit({ statements: [], events: [event] })
      }
      alter(directory.path, (database) => database.exec(sql))
      const load = (): Promise<unknown> => loadStore({ directory: directory.path, auditKey })
      await assert.rejects(load(), { code: 'ERR_DB_AUDIT_END' })
      // Not ERR_DB_LOCKED: the failed start let go of the directory.
      await assert.rejects(load(), { code: 'ERR_DB_AUDIT_END' })
    })
  }
})

describe('an authority', () => {
  it('does not begin a new audit log where one was taken away', async () => {
    await using authority = await startAuthority()
    const { directory } = authority
    await authority.close()
    alter(directory, (database) =>
      database.exec('DELETE FROM audit_events; DELETE FROM audit_chains'),
    )
    await assert.rejects(openAgain(directory), { code: 'ERR_DB_AUDIT_END' })
  })

  it('lets go of its directory when it cannot be opened', async () => {
    await using authority = await startAuthority()
    const { directory } = authority
    await authority.close()
    alter(directory, (database) =>
      database.exec("UPDATE config_objects SET body = '{}' WHERE kind = 'user'"),
    )
    await assert.rejects(openAgain(directory), { code: 'ERR_CATALOG_CORRUPT' })
    await assert.rejects(openAgain(directory), { code: 'ERR_CATALOG_CORRUPT' })
  })

  it('is not opened before `init` has ended, since the next `init` would empty it', async () => {
    await using authority = await startAuthority()
    await authority.close()
    writeFileSync(join(authority.directory, 'init-unfinished'), '')
    await assert.rejects(openAgain(authority.directory), { code: 'ERR_DB_MISSING' })
  })

  it('ends what goes on in the background before it closes, without a complaint', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { algorithm: 'rsa-3072' })
    await authority.close()
    const problems: string[] = []
    const opened = await openAgain(authority.directory, problems)
    const principal = opened.services.authenticate(project.submitter.authorization)
    const caller = { principal, address: null, requestId: 'test' } as never
    const submitted = await Promise.all(
      Array.from({ length: 20 }, () =>
        opened.services.signing.submitWithArtifact(
          caller,
          { ...project.submission, parameters: {} },
          { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
        ),
      ),
    )
    assert.ok(submitted.some(({ status }) => status === 'InProgress'))
    await opened[Symbol.asyncDispose]()
    assert.deepEqual(problems, [])
    const open = alter(authority.directory, (database) =>
      database
        .prepare("SELECT count(*) FROM signing_requests WHERE status <> 'Completed'")
        .pluck()
        .get(),
    )
    assert.equal(open, 0)
  })

  it('closes though its disk has failed and traces are left to write', async () => {
    await using authority = await startAuthority()
    await authority.close()
    const problems: string[] = []
    const opened = await openAgain(authority.directory, problems)
    opened.services.authenticate(authority.admin.authorization)
    damage(authority.directory)
    await opened[Symbol.asyncDispose]()
    assert.deepEqual(problems, ['the last use of tokens'])
  })

  it('says that the disk is the reason, where it cannot be read or made', async () => {
    await using authority = await startAuthority()
    damage(authority.directory)
    await assert.rejects(authority.services.audit.list(authority.admin.caller(), {}), isUnavailable)
    const dataDirectory = join(authority.directory, 'master-key.json', 'inside-a-file')
    const made = initAuthority({ dataDirectory, organizationName: 'x', masterKey: TEST_MASTER_KEY })
    await assert.rejects(made, isUnavailable)
  })

  it('keeps one file of an upload that comes several times at once', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority)
    const { signing } = authority.services
    const bytes = writeZip([{ path: 'payload.json', bytes: payloadOf(700_000) }], new Date(0))
    for (let round = 0; round < 5; round += 1) {
      const { signingRequestId: id } = await signing.submitWithoutArtifact(
        project.submitter.caller(),
        { ...project.submission, parameters: {} },
        {
          fileName: 'payload.json.zip',
          sha256Hash: createHash('sha256').update(bytes).digest('hex'),
        },
      )
      const answers = await Promise.all(
        Array.from({ length: 4 }, () =>
          signing
            .uploadUnsignedArtifact(project.submitter.caller(), id, bytes)
            .then(({ status }) => status, codeOf),
        ),
      )
      assert.ok(answers.includes('Completed'), answers.join())
      const kept = await signing.downloadUnsignedArtifact(project.submitter.caller(), id)
      assert.deepEqual(new Uint8Array(kept.bytes), new Uint8Array(bytes))
      assert.deepEqual(new Set(answers), new Set(['Completed']))
    }
    requireNoLitter(authority.directory)
  })

  it('is canceled or failed, not both, when the two meet, and nobody hears of the conflict', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    await authority.close()
    const problems: string[] = []
    await using opened = await openAgain(authority.directory, problems)
    const callerOf = ({ authorization }: TestUser): Caller => ({
      principal: opened.services.authenticate(authorization),
      address: null,
      requestId: 'test',
    })
    const { signing, administration } = opened.services
    const submitter = callerOf(project.submitter)
    const submitted = await Promise.all(
      Array.from({ length: 30 }, () =>
        signing.submitWithArtifact(
          submitter,
          { ...project.submission, parameters: {} },
          { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
        ),
      ),
    )
    await administration.setCertificateActive(callerOf(authority.admin), 'release', false)
    const approver = callerOf(project.approvers[0]!)
    const answers = await Promise.all(
      submitted.map(async ({ signingRequestId: id }, index) => {
        const approved = signing.approve(approver, id, undefined).catch(codeOf)
        for (let turn = 0; turn < index; turn += 1) await Promise.resolve()
        const canceled = signing.cancel(submitter, id).catch(codeOf)
        return [await approved, await canceled]
      }),
    )
    for (const answer of answers.flat())
      if (typeof answer === 'string') assert.equal(answer, 'ERR_SIGNING_STATE')
    assert.deepEqual(problems, [])
  })

  it('answers an approval that is kept, whatever becomes of the signature', async () => {
    await using authority = await startAuthority()
    const project = await addProject(authority, { requiredApprovals: 1, approverCount: 1 })
    const { signing } = authority.services
    const { signingRequestId: id } = await signing.submitWithArtifact(
      project.submitter.caller(),
      { ...project.submission, parameters: {} },
      { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
    )
    alter(authority.directory, (database) => database.exec("UPDATE artifacts SET bytes = x'00'"))
    const [approver] = project.approvers
    const answer = await signing.approve(approver!.caller(), id, undefined)
    assert.equal(answer.status, 'InProgress')
    assert.equal(signing.get(project.submitter.caller(), id).approvals.length, 1)
  })
})

/** Makes the database malformed, for those too who have it open. */
function damage(directory: string): void {
  alter(directory, (database) => {
    database.unsafeMode(true)
    database.pragma('writable_schema = ON')
    database.exec(
      "UPDATE sqlite_schema SET rootpage = 999999 WHERE name IN ('audit_events', 'api_tokens')",
    )
    database.pragma('schema_version = 1000')
  })
}
