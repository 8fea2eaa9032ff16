import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { encodeSimpleSigning } from '../src/format/simple-signing.ts'
import type { Authority } from '../src/main/authority.ts'
import type { Caller } from '../src/policy/caller.ts'
import { callerOf, createBenchAuthority, IMAGE, TARGET } from './authority.ts'
import type { Bench } from './bench.ts'
import { printTable } from './table.ts'

const CALLERS = 64
const SIZES = [1000, 10_000, 100_000]
const MEASURED = 5000

/** One size of the store. */
interface Row {
  readonly storedRequests: number
  readonly perSecond: number
  readonly cpuMicroseconds: number
  /** From a closed store to one that answers. */
  readonly startMs: number
  readonly databaseMegabytes: number
}

/** What signing and starting cost when there is more and more in the store. Without HTTP, in this process. */
export const bench: Bench = {
  summary: `signing and starting with ${SIZES.map((size) => size.toLocaleString('en-US')).join(', ')} stored requests`,
  async run() {
    await using stored = await createBenchAuthority()
    const rows: Row[] = []
    let count = 0
    let authority = await stored.open()
    try {
      for (const size of SIZES) {
        count = await sign(authority, callerOf(authority, stored.token), count, size)
        await authority[Symbol.asyncDispose]()
        const closedAt = performance.now()
        authority = await stored.open()
        const startMs = Math.round(performance.now() - closedAt)
        const caller = callerOf(authority, stored.token)
        const cpu = process.cpuUsage()
        const startedAt = performance.now()
        count = await sign(authority, caller, count, count + MEASURED)
        const { user, system } = process.cpuUsage(cpu)
        rows.push({
          storedRequests: size,
          perSecond: Math.round((MEASURED * 1000) / (performance.now() - startedAt)),
          cpuMicroseconds: Math.round((user + system) / MEASURED),
          startMs,
          databaseMegabytes: Math.round(statSync(join(stored.dataDir, 'chancery.db')).size / 1e6),
        })
      }
    } finally {
      await authority[Symbol.asyncDispose]()
    }
    printTable(
      ['stored requests', 'rate/s', 'CPU µs', 'start ms', 'database MB'],
      rows.map((row) => Object.values(row) as number[]),
    )
    return { bench: 'growth', rows }
  },
}

/** Signs until there are `size` requests; returns how many there are. */
async function sign(
  { services }: Authority,
  caller: Caller,
  count: number,
  size: number,
): Promise<number> {
  let next = count
  const signInTurn = async (): Promise<void> => {
    while (next < size) {
      const digest = createHash('sha256').update(`image ${next++}`).digest('hex')
      const bytes = encodeSimpleSigning({
        dockerReference: IMAGE,
        manifestDigest: `sha256:${digest}`,
      })
      const { status } = await services.signing.submitWithArtifact(
        caller,
        { ...TARGET, parameters: {} },
        { fileName: 'payload.json', bytes, isEntry: true },
      )
      if (status !== 'Completed') throw new Error(`a request is ${status}`)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, signInTurn))
  return size
}
