import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { component } from '../support/components.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import {
  artifactCall,
  hashCall,
  payloadCall,
  requireNoLitter,
  startFaultyService,
  type Answer,
  type ApiCall,
  type FaultyService,
} from './faulty-service.ts'

const smallDisk = component('small-disk')

/** The write-ahead log alone takes 16 MiB before it is emptied. */
const DISK_BYTES = 64 * 1024 * 1024

/** A file system of its own, so small that it can be filled. */
interface SmallDisk extends Disposable {
  readonly path: string
  /** Leaves this many bytes free. */
  fill(freeBytes: number): void
  empty(): void
}

function mountSmallDisk(path: string): SmallDisk {
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', path])
  const ballast = join(path, 'ballast')
  return {
    path,
    fill(freeBytes) {
      const { bavail, bsize } = statfsSync(path)
      const file = openSync(ballast, 'a')
      writeSync(file, new Uint8Array(Math.max(0, bavail * bsize - freeBytes)))
      closeSync(file)
    },
    empty: () => rmSync(ballast),
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--lazy', path])
    },
  }
}

/** What was answered with a success, and what with a refusal; anything else fails. */
class Answers {
  readonly acknowledged = new Map<string, Answer>()
  refused = 0

  note(answer: Answer): void {
    const { status, headers, body, json } = answer
    if (status < 300) {
      this.acknowledged.set(json['signingRequestId'] as string, answer)
      return
    }
    assert.equal(status, 503, Buffer.from(body).toString('utf8'))
    assert.match(String(headers['content-type']), /^application\/problem\+json/)
    assert.match(String(headers['retry-after']), /^\d+$/)
    assert.equal(json['type'], 'urn:chancery:error:ERR_DB_UNAVAILABLE')
    assert.doesNotMatch(Buffer.from(body).toString('utf8'), /"signatures?"\s*:/i)
    this.refused += 1
  }
}

/** Calls of every kind. */
async function callsOf(service: FaultyService): Promise<readonly ApiCall[]> {
  return [
    payloadCall(service, 'quick'),
    payloadCall(service, 'slow'),
    payloadCall(service, 'approved'),
    hashCall(service, new Uint8Array(32)),
    await artifactCall(service, 'quick'),
    await artifactCall(service, 'quick', 700_000),
    await artifactCall(service, 'slow', 700_000),
  ]
}

async function callAll(
  service: FaultyService,
  answers: Answers,
  only?: readonly number[],
): Promise<void> {
  const calls = await callsOf(service)
  const chosen = only === undefined ? calls : only.map((index) => calls[index]!)
  await Promise.all(chosen.map(async (call) => answers.note(await service.call(call))))
}

it(
  'a full disk refuses what it cannot keep, loses nothing, and goes on once there is room',
  { skip: smallDisk.absent },
  async () => {
    await using scratch = await createTemporaryDirectory()
    using disk = mountSmallDisk(join(scratch.path, 'disk'))
    await using service = await startFaultyService(join(disk.path, 'data'))

    const answers = new Answers()
    await callAll(service, answers)
    assert.equal(answers.acknowledged.size, 7)
    for (const freeBytes of [300_000, 0, 1_500_000]) {
      disk.fill(freeBytes)
      const before = answers.refused
      for (let round = 0; round < 300 && answers.refused < before + 40; round += 1)
        await callAll(service, answers)
      assert.ok(answers.refused > before, `never full with ${freeBytes} bytes`)
      // The small ones may fit where the large ones do not.
      requireNoLitter(service.directory)
      disk.empty()
      const refused = answers.refused
      await callAll(service, answers)
      assert.equal(answers.refused, refused, 'there is room again')
      assert.equal((await service.get('/readyz')).status, 200)
    }
    await requireKept(service, answers)
    await service.stop('SIGTERM')
    assert.deepEqual((await service.fsck()).problems, [])
  },
)

async function requireKept(service: FaultyService, answers: Answers): Promise<void> {
  for (const [id, { json }] of answers.acknowledged) {
    const view = await service.call({
      method: 'GET',
      path: `SigningRequests/${id}`,
      token: service.submitter,
    })
    assert.equal(view.status, 200, id)
    const status = json['status'] ?? 'Completed'
    if (status !== 'InProgress') assert.equal(view.json['status'], status)
    if (json['signatures'] !== undefined && status === 'Completed')
      assert.deepEqual(view.json['signatures'], json['signatures'])
  }
}
