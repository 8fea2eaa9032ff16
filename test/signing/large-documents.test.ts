import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { writeZip } from '../../src/format/zip-writer.ts'
import { createApp } from '../../src/http/app.ts'
import type { ExaminerLimits } from '../../src/signing/examiner.ts'
import type { Submitted } from '../../src/signing/signing-service.ts'
import { addProject, payloadFor, startAuthority, type TestAuthority } from '../support/authority.ts'
import { PREDICATE_TYPE, statementOf } from '../support/statements.ts'

/** An authority with a project that signs attestations. */
async function prepare(limits?: ExaminerLimits) {
  const authority = await startAuthority(limits)
  const project = await addProject(authority, { allowedPredicateTypes: [PREDICATE_TYPE] })
  return {
    authority,
    submit: (...files: readonly Uint8Array[]): Promise<Submitted> =>
      authority.services.signing.submitWithArtifact(
        project.submitter.caller(),
        { ...project.submission, parameters: {} },
        {
          fileName: 'a.zip',
          bytes: writeZip(
            files.map((bytes, at) => ({ path: `${at}.json`, bytes })),
            new Date(0),
          ),
          isEntry: false,
        },
      ),
    [Symbol.asyncDispose]: () => authority[Symbol.asyncDispose](),
  }
}

async function eventsOf({ services, admin }: TestAuthority, objectId: string) {
  const { events } = await services.audit.list(admin.caller(), { objectId, order: 'asc' })
  return events
}

/** Small arrays in each other: nothing takes longer to read for its size. */
const nested = `${'['.repeat(60)}${']'.repeat(60)}`

describe('a document that takes long to examine', () => {
  it('keeps nobody from an answer, and is signed in its own', { timeout: 300_000 }, async () => {
    await using flow = await prepare()
    const app = createApp(flow.authority.services)
    const bytes = statementOf(`{"a":[${`${nested},`.repeat(40_000)}0]}`)
    let answers = 0
    const submitted = flow.submit(bytes)
    const isOver = { yet: false }
    void submitted.finally(() => {
      isOver.yet = true
    })
    while (!isOver.yet) {
      const { statusCode } = await app.inject('/healthz')
      assert.equal(statusCode, 200)
      answers += 1
      await setImmediate()
    }
    const { status, signatures, signingRequestId } = await submitted
    assert.equal(status, 'Completed')
    assert.equal(signatures.length, 1)
    // Where the thread that answers examines it, there are some dozens: between the slices of its digest.
    assert.ok(answers > 200, `${answers} answers meanwhile`)
    const [event] = await eventsOf(flow.authority, signingRequestId)
    assert.equal((event?.data['examination'] as { outcome: string }).outcome, 'allowed')
    await app.close()
  })

  it('and takes more memory than there is, fails with a record of it; the next is signed', async () => {
    await using flow = await prepare({ maxHeapMb: 48 })
    const hostile = statementOf(`{"a":[${'{},'.repeat(3_000_000)}0]}`)
    const failed = await flow.submit(hostile, payloadFor())
    assert.equal(failed.status, 'Failed')
    assert.match(failed.statusReason ?? '', /48 MB of memory; nothing was signed/)
    assert.deepEqual(failed.signatures, [])
    const events = await eventsOf(flow.authority, failed.signingRequestId)
    assert.deepEqual(
      events.map(({ type }) => type),
      ['SigningRequest.Submitted'],
    )
    const { outcome, reason } = events[0]?.data['examination'] as Record<string, unknown>
    assert.equal(outcome, 'failed')
    assert.equal(reason, failed.statusReason)

    const large = await flow.submit(statementOf(`{"a":"${'x'.repeat(300_000)}"}`))
    assert.equal(large.status, 'Completed')
    const { audit } = flow.authority.services
    assert.equal((await audit.verify(flow.authority.admin.caller())).isIntact, true)
  })

  it('is answered with the same words as a small one', async () => {
    await using flow = await prepare()
    const reasonOf = async (fill: number): Promise<string | null> => {
      const twice = statementOf(`{"b":1,"b":2,"a":"${'x'.repeat(fill)}"}`)
      const { status, statusReason } = await flow.submit(twice)
      assert.equal(status, 'Denied')
      return statusReason
    }
    assert.equal(await reasonOf(300_000), await reasonOf(1))
  })
})
