import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { requireNoLitter, startFaultyService, type FaultyService } from './faulty-service.ts'
import { Load, randomOf, type Promised } from './load.ts'

const required = (process.env['CHANCERY_REQUIRE'] ?? '').split(',')
const kills = Number(process.env['CHANCERY_KILLS'] ?? (required.includes('all') ? 200 : 12))
const seed = Number(process.env['CHANCERY_SEED'] ?? Date.now() % 1_000_000)

const CHECK_EVERY = 20
const LONGEST_LOAD_MS = 350
const LONGEST_START_MS = 900
/** Two minutes of them. */
const MOST_LOOKS = 2_400

const FINAL = ['Completed', 'Failed', 'Denied', 'Canceled']
const OPEN = ['WaitingForApproval', 'InProgress']

it(`keeps every promise through ${kills} kill -9 (CHANCERY_SEED=${seed})`, async (test) => {
  const random = randomOf(seed)
  await using directory = await createTemporaryDirectory()
  await using service = await startFaultyService(
    join(directory.path, 'data'),
    join(directory.path, 'compiled'),
  )
  const load = new Load(service, random)
  for (let round = 1; round <= kills; round += 1) {
    const answered = load.nextAnswer()
    const working = load.run()
    // A server that was just started takes a while for its first answer.
    if (random() < 0.9) await answered
    await sleep(random() * LONGEST_LOAD_MS)
    await service.stop('SIGKILL')
    load.stop()
    await working
    assert.equal(printedProblems(service), '', `round ${round}`)
    // Recovery may be killed too.
    if (random() < 0.2) await killWhileStarting(service, random() * LONGEST_START_MS)
    if (round % CHECK_EVERY === 0) assert.deepEqual((await service.fsck()).problems, [])
    await service.start()
    await checkPromises(service, load)
  }
  await service.stop('SIGTERM')
  assert.equal(printedProblems(service), '')
  assert.deepEqual(load.surprises, [])
  const report = await service.fsck()
  assert.deepEqual(report.problems, [])
  checkDatabase(service.directory, load.promised)
  requireNoLitter(service.directory)
  // Of most rounds the first answer is awaited; what follows it is up to the machine.
  assert.ok(load.promised.size > kills / 2, 'there was no load')
  test.diagnostic(
    `${load.promised.size} promises kept, ${load.repeated} calls repeated that had no answer; ${JSON.stringify(report.checked)}`,
  )
})

/** The lines of a bug, or of work that went wrong without a caller. */
function printedProblems(service: FaultyService): string {
  const lines = service.output().split('\n')
  return lines.filter((line) => /"kind":"bug"|"kind":"background"|^error:/.test(line)).join('\n')
}

async function killWhileStarting(service: FaultyService, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, service.command, {
    env: service.env,
    stdio: 'ignore',
  })
  await sleep(afterMs)
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** What was answered since the last check holds; what was in progress ends. */
async function checkPromises(service: FaultyService, load: Load): Promise<void> {
  const fresh = [...load.fresh]
  load.fresh = new Set()
  const isInProgress = async (id: string): Promise<boolean> => {
    const { status, json } = await service.call({
      method: 'GET',
      path: `SigningRequests/${id}`,
      token: service.submitter,
    })
    assert.equal(status, 200, `the signing request ${id} was promised, and is gone`)
    const { signatures, ...view } = json as { status: string; signatures: Signatures }
    requireKept(id, load.promised.get(id), view.status, signatures)
    return view.status === 'InProgress'
  }
  let open = fresh
  for (let attempt = 0; open.length > 0; attempt += 1) {
    assert.ok(attempt < MOST_LOOKS, `in progress and nobody goes on with it: ${open.join(', ')}`)
    if (attempt > 0) await sleep(50)
    const answers = await Promise.all(open.map(isInProgress))
    open = open.filter((_, index) => answers[index])
  }
}

type Signatures = readonly { readonly signature: string }[]

function requireKept(
  id: string,
  promised: Promised | undefined,
  status: string,
  signatures: Signatures,
): void {
  assert.ok(promised !== undefined, `nobody was told of ${id}`)
  const isKept =
    promised.status === status ||
    (FINAL.includes(status) && OPEN.includes(promised.status)) ||
    (promised.status === 'WaitingForApproval' && status === 'InProgress')
  assert.ok(isKept, `the signing request ${id} was ${promised.status} and is ${status}`)
  if (promised.signature !== undefined) assert.equal(signatures[0]?.signature, promised.signature)
}

/** The same of all that was ever answered; and no repeated call was done twice. */
function checkDatabase(directory: string, promises: ReadonlyMap<string, Promised>): void {
  const database = new Database(join(directory, 'chancery.db'), { readonly: true })
  try {
    const find = database.prepare<[string], { status: string; body: string }>(
      'SELECT status, body FROM signing_requests WHERE id = ?',
    )
    for (const [id, promised] of promises) {
      const row = find.get(id)
      assert.ok(row !== undefined, `the signing request ${id} was promised, and is gone`)
      const { signatures } = JSON.parse(row.body) as { signatures: Signatures }
      requireKept(id, promised, row.status, signatures)
      assert.notEqual(row.status, 'InProgress')
    }
    const count = (table: string): unknown =>
      database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
    assert.equal(count('signing_requests'), count('idempotency_keys'))
  } finally {
    database.close()
  }
}
