import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import {
  artifactCall,
  hashCall,
  payloadCall,
  startFaultyService,
  type Answer,
  type FaultyService,
} from './faulty-service.ts'
import { trace, type Deed } from './traced.ts'

const strace = component('strace')

const FAIL_SYNC = ['-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO']

async function onService(
  test: (service: FaultyService, output: string) => Promise<void>,
): Promise<void> {
  await using scratch = await createTemporaryDirectory()
  await using service = await startFaultyService(join(scratch.path, 'data'))
  await test(service, join(scratch.path, 'trace'))
}

const kindOf = ({ json }: Answer): unknown => json['type']

const UNAVAILABLE = 'urn:chancery:error:ERR_DB_UNAVAILABLE'

async function commitsOf(service: FaultyService): Promise<number> {
  const { body } = await service.get('/metrics')
  const [, count] = /^chancery_\w*commits\w* (\d+)$/m.exec(Buffer.from(body).toString('utf8')) ?? []
  return Number(count)
}

describe('an answer', { skip: strace.absent }, () => {
  it('leaves after the sync call for what it says has returned', () =>
    onService(async (service, output) => {
      const tracer = await trace(strace.path, service.pid, output)
      const calls = [
        payloadCall(service, 'quick'),
        payloadCall(service, 'slow'),
        payloadCall(service, 'approved'),
        hashCall(service, new Uint8Array(32)),
        await artifactCall(service, 'quick'),
        await artifactCall(service, 'quick', 700_000),
      ]
      for (const call of calls) assert.ok((await service.call(call)).status < 300)
      requireSyncBeforeAnswer(await tracer.stop(), calls.length)
    }))

  it('shares a sync call only with the changes of one commit', () =>
    onService(async (service, output) => {
      const before = await commitsOf(service)
      const tracer = await trace(strace.path, service.pid, output)
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => service.call(payloadCall(service, 'quick'))),
      )
      assert.ok(answers.every(({ status }) => status === 201))
      const deeds = await tracer.stop()
      const commits = (await commitsOf(service)) - before
      const syncs = deeds.filter(({ kind }) => kind === 'wal-sync').length
      assert.ok(commits > 0 && commits < 100, `${commits} commits for 100 requests`)
      assert.ok(syncs >= commits, `${syncs} sync calls for ${commits} commits`)
    }))
})

/** Of calls that were made one after another. */
function requireSyncBeforeAnswer(deeds: readonly Deed[], expectedAnswers: number): void {
  let isDirty = false
  let syncs = 0
  let answers = 0
  for (const deed of deeds) {
    if (deed.kind === 'wal-write') isDirty = true
    if (deed.kind === 'wal-sync') {
      isDirty = false
      syncs += 1
    }
    if (deed.kind !== 'answer') continue
    answers += 1
    assert.ok(syncs > 0, `answer ${answers} left without a sync call`)
    syncs = 0
  }
  assert.equal(answers, expectedAnswers)
  assert.ok(!isDirty, 'the last change was never synced')
}

describe('a disk whose sync fails', { skip: strace.absent }, () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    it(`is not trusted again before a restart after ${signal}, and nothing that was acknowledged is lost`, () =>
      onService(async (service, output) => {
        const kept = await service.call(payloadCall(service, 'quick'))
        assert.equal(kept.status, 201)
        const tracer = await trace(strace.path, service.pid, output, FAIL_SYNC)
        const refused = await service.call(payloadCall(service, 'quick'))
        await tracer.stop()
        assert.equal(refused.status, 503)
        assert.equal(kindOf(refused), UNAVAILABLE)
        assert.equal(refused.json['signatures'], undefined)
        // The disk is well again; what was written to it meanwhile nobody knows.
        for (const call of [payloadCall(service, 'quick'), hashCall(service, new Uint8Array(32))])
          assert.equal(kindOf(await service.call(call)), UNAVAILABLE)
        assert.equal((await service.get('/readyz')).status, 503)
        assert.equal((await service.get('/healthz')).status, 200)

        await service.stop(signal)
        assert.deepEqual((await service.fsck()).problems, [])
        await service.start()
        assert.equal((await service.get('/readyz')).status, 200)
        const id = kept.json['signingRequestId'] as string
        const path = `SigningRequests/${id}`
        const found = await service.call({ method: 'GET', path, token: service.submitter })
        assert.deepEqual(found.json['signatures'], kept.json['signatures'])
        assert.equal((await service.call(payloadCall(service, 'quick'))).status, 201)
        await service.stop('SIGKILL')
        assert.deepEqual((await service.fsck()).problems, [])
      }))

  it('keeps no artifact whose place in the directory is not sure', () =>
    onService(async (service, output) => {
      const artifacts = join(service.directory, 'artifacts')
      const call = await artifactCall(service, 'quick', 700_000)
      const tracer = await trace(strace.path, service.pid, output, ['-P', artifacts, ...FAIL_SYNC])
      const refused = await service.call(call)
      await tracer.stop()
      assert.equal(refused.status, 503)
      assert.equal(kindOf(refused), UNAVAILABLE)
      assert.deepEqual(readdirSync(artifacts), [])
      assert.equal((await service.call(call)).status, 201)
      assert.equal(readdirSync(artifacts).length, 1)
      await service.stop('SIGTERM')
      assert.deepEqual((await service.fsck()).problems, [])
    }))
})
