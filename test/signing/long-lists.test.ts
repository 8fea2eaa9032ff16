import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { SigningRequestQuery } from '../../src/wire/signing-requests.ts'
import { addProject, payloadFor, startAuthority } from '../support/authority.ts'

/** An authority whose store has so many copies of a signed request, each with so much in it. */
async function prepare(copies: number, description: string) {
  const authority = await startAuthority()
  const project = await addProject(authority)
  const { status } = await authority.services.signing.submitWithArtifact(
    project.submitter.caller(),
    { ...project.submission, parameters: {} },
    { fileName: 'payload.json', bytes: payloadFor(), isEntry: true },
  )
  assert.equal(status, 'Completed')
  await authority.close()
  const database = new Database(join(authority.directory, 'chancery.db'))
  database
    .prepare(
      "INSERT INTO signing_requests WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?) SELECT NULL, lower(hex(randomblob(16))), organization_id, project_id, signing_policy_id, submitter_id, kind, status, workflow_status, version, submitted_at, completed_at, cancel_at, json_set(body, '$.description', ?) FROM signing_requests, copies",
    )
    .run(copies, description)
  database.close()
  await authority.reopen()
  return {
    list: (query: SigningRequestQuery) =>
      authority.services.signing.list(project.submitter.caller(), query),
    [Symbol.asyncDispose]: () => authority[Symbol.asyncDispose](),
  }
}

describe('a long list of signing requests', () => {
  it('is searched while other work runs', async () => {
    await using flow = await prepare(45_000, '')
    for (const query of [
      { status: 'Failed' },
      { to: '2001-01-01T00:00:00Z' },
      { repository: 'registry.acme.test/team/app', before: '46000' },
    ] as const) {
      const isOver = { yet: false }
      const listed = flow.list(query).finally(() => {
        isOver.yet = true
      })
      let turns = 0
      for (; !isOver.yet; turns += 1) await setImmediate()
      assert.ok(turns >= 4, `${turns} turns for ${JSON.stringify(query)}`)
      const { signingRequests, next } = await listed
      assert.deepEqual([signingRequests.length, next], ['repository' in query ? 1 : 0, null])
    }
  })

  it('has short pages where the requests are large, and all of them on some page', async () => {
    await using flow = await prepare(6, 'x'.repeat(400_000))
    const pages: number[] = []
    const ids = new Set<string>()
    let before: string | null = null
    do {
      const { signingRequests, next } = await flow.list(before === null ? {} : { before })
      pages.push(signingRequests.length)
      for (const { id } of signingRequests) ids.add(id)
      before = next
    } while (before !== null)
    assert.deepEqual(pages, [2, 2, 3])
    assert.equal(ids.size, 7)
  })
})
