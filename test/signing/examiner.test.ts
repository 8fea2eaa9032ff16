import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { writeZip } from '../../src/format/zip-writer.ts'
import type { ArtifactInput } from '../../src/policy/signing-plan.ts'
import { getTemplate } from '../../src/policy/templates.ts'
import { findIn, type ExaminationTask } from '../../src/signing/examination.ts'
import { Examiner } from '../../src/signing/examiner.ts'
import { payloadFor } from '../support/authority.ts'
import { PREDICATE_TYPE, statementOf } from '../support/statements.ts'

const RULES: ExaminationTask['rules'] = {
  allowedImages: ['registry.acme.test/team/**'],
  signatureFormats: ['legacy', 'bundle'],
  allowedPredicateTypes: [PREDICATE_TYPE],
  allowOtherFiles: false,
}

function taskOf(
  artifact: Uint8Array | ArtifactInput,
  more: Partial<ExaminationTask> = {},
): ExaminationTask {
  return {
    artifact: artifact instanceof Uint8Array ? zipOf(artifact) : artifact,
    xml: getTemplate('detached-raw-signatures').xml,
    parameters: {},
    rules: RULES,
    ...more,
  }
}

function zipOf(...files: readonly Uint8Array[]): ArtifactInput {
  const entries = files.map((bytes, at) => ({ path: `${at}.json`, bytes }))
  return { kind: 'file', fileName: 'a.zip', bytes: writeZip(entries, new Date(0)) }
}

/** A statement of so many objects, each of which takes 64 bytes of the heap. */
const manyObjects = (count: number) => statementOf(`{"a":[${'{},'.repeat(count)}0]}`)
const small = () => taskOf(payloadFor())

describe('an examination on another thread', () => {
  it('says word for word what one on this thread says', { timeout: 120_000 }, async () => {
    await using examiner = new Examiner()
    const evil = payloadFor('registry.evil.test/app')
    const tasks = {
      metadata: small(),
      statement: taskOf(statementOf('{}')),
      'an entry': taskOf({ kind: 'entry', path: 'a.json', bytes: payloadFor() }),
      'several files': taskOf(zipOf(payloadFor(), statementOf('{}'), payloadFor(), evil)),
      'another image': taskOf(evil),
      'other files': taskOf(Buffer.from('text')),
      'a malformed statement': taskOf(statementOf('{"a":1,"a":2}')),
      'a statement of the wrong length': taskOf(Buffer.from('DSSEv1 1 a 9 x')),
      'no archive': taskOf({ kind: 'file', fileName: 'a.zip', bytes: Buffer.from('PK') }),
      'no files': taskOf(zipOf()),
      'unknown parameters': taskOf(payloadFor(), { parameters: { version: '1' } }),
      'a malformed rule': taskOf(payloadFor(), { rules: { ...RULES, allowedImages: ['a**b'] } }),
      'a malformed configuration': taskOf(payloadFor(), { xml: '<nothing>' }),
    }
    const outcomes = new Set<string>()
    for (const [name, task] of Object.entries(tasks)) {
      const here = await outcomeOf(() => findIn(task))
      const there = await outcomeOf(() => examiner.examine('a', task))
      assert.deepEqual(there, here, name)
      outcomes.add('outcome' in here ? here.outcome : here.code)
    }
    const expected = ['allowed', 'denied', 'ERR_FORMAT_ZIP', 'ERR_POLICY_ARTIFACT'].concat([
      'ERR_POLICY_PARAMETER',
      'ERR_POLICY_IMAGE_PATTERN',
      'ERR_POLICY_CONFIGURATION',
    ])
    assert.deepEqual([...outcomes].sort(), expected.sort())
  })

  it('leaves the bytes as they are, and names the digests of what it read', async () => {
    await using examiner = new Examiner()
    const artifact = zipOf(payloadFor())
    const before = Buffer.from(artifact.bytes)
    const found = await examiner.examine('a', taskOf(artifact))
    assert.deepEqual(Buffer.from(artifact.bytes), before)
    assert.equal(found.outcome, 'allowed')
    assert.deepEqual([...found.digests.keys()], ['0.json'])
  })

  it('that takes more memory than there is, is refused, and the next is made', async () => {
    await using examiner = new Examiner({ maxHeapMb: 48 })
    const task = taskOf(manyObjects(3_000_000))
    await assert.rejects(examiner.examine('a', task), {
      code: 'ERR_SIGNING_EXAMINATION',
      message: /48 MB of memory; nothing was signed/,
    })
    assert.equal((await examiner.examine('a', small())).outcome, 'allowed')
  })

  it('that takes more time than there is, is refused, and so is nothing else', async () => {
    await using examiner = new Examiner({ timeoutMs: 1 })
    const waiting = [manyObjects(3_000_000), payloadFor()].map((bytes) =>
      assert.rejects(examiner.examine('a', taskOf(bytes)), {
        code: 'ERR_SIGNING_EXAMINATION',
        message: /within 0\.001 s; nothing was signed/,
      }),
    )
    await Promise.all(waiting)
  })

  it('begins with those of an organization that has not had its turn', async () => {
    await using examiner = new Examiner()
    const ends: string[] = []
    const waiting = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map(async (name) => {
      await examiner.examine(name.slice(0, 1), small())
      ends.push(name)
    })
    await Promise.all(waiting)
    assert.deepEqual(ends, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
  })

  it('is refused where too much of the organization waits, and of no other', async () => {
    const size = small().artifact.bytes.length
    for (const limits of [{ maxWaiting: 2 }, { maxWaitingBytes: 2 * size }]) {
      await using examiner = new Examiner(limits)
      const accepted = [1, 2, 3].map(() => examiner.examine('a', small()))
      await assert.rejects(examiner.examine('a', small()), { code: 'ERR_SIGNING_BUSY' })
      accepted.push(examiner.examine('b', small()))
      for (const { outcome } of await Promise.all(accepted)) assert.equal(outcome, 'allowed')
    }
  })

  it('starts a thread again after it ended for having nothing to do', async () => {
    await using examiner = new Examiner({ idleMs: 1 })
    for (let n = 0; n < 3; n += 1) {
      assert.equal((await examiner.examine('a', small())).outcome, 'allowed')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })

  it('goes on in the thread that there is after one that cannot be sent to it', async () => {
    using started = watchThreads()
    await using examiner = new Examiner()
    assert.equal((await examiner.examine('a', small())).outcome, 'allowed')
    // What no other thread can have stands for what there is no memory to copy for.
    const unsendable = { version: () => '1' } as unknown as ExaminationTask['parameters']
    await assert.rejects(examiner.examine('a', { ...small(), parameters: unsendable }), {
      code: 'ERR_SIGNING_BUSY',
    })
    assert.equal((await examiner.examine('a', small())).outcome, 'allowed')
    assert.equal(started.threads.length, 1)
  })

  it('is not lost with a thread that ended before it came there', async () => {
    using started = watchThreads()
    await using examiner = new Examiner()
    assert.equal((await examiner.examine('a', small())).outcome, 'allowed')
    const [thread] = started.threads
    assert(thread !== undefined)
    const next = examiner.examine('a', small())
    // Told at once, while the copy is made, as that of a thread that has just died would be.
    thread.emit('exit', 1)
    await thread.terminate()
    assert.equal((await next).outcome, 'allowed')
    assert.equal(started.threads.length, 2)
  })

  it('is refused, not forgotten, when the server stops', async () => {
    const examiner = new Examiner()
    const waiting = ['a', 'b'].map((name) =>
      assert.rejects(examiner.examine(name, taskOf(manyObjects(1_000_000))), {
        code: 'ERR_SIGNING_BUSY',
      }),
    )
    await examiner[Symbol.asyncDispose]()
    await Promise.all(waiting)
    await assert.rejects(examiner.examine('a', small()), { code: 'ERR_SIGNING_BUSY' })
  })
})

/** The threads that are started from now on. */
function watchThreads(): { readonly threads: readonly Worker[] } & Disposable {
  const threads: Worker[] = []
  const add = (thread: Worker): unknown => threads.push(thread)
  process.on('worker', add)
  return { threads, [Symbol.dispose]: () => void process.off('worker', add) }
}

/** What work comes to: its value, or what can be told of its error. */
async function outcomeOf<Value>(
  work: () => Value | Promise<Value>,
): Promise<Value | Pick<ChanceryError, 'code' | 'message' | 'hints' | 'field'>> {
  try {
    return await work()
  } catch (thrown) {
    assert(thrown instanceof ChanceryError, String(thrown))
    const { code, message, hints, field } = thrown
    return { code, message, hints, field }
  }
}
