import { createBenchAuthority } from './authority.ts'
import type { Bench, BenchOptions } from './bench.ts'
import { startLoadGenerator } from './http-load.ts'
import { IDLE_SECONDS, idleMegabytes, megabytes, startChancery } from './server.ts'
import { signingWorkloads } from './signing-workloads.ts'
import { printTable } from './table.ts'

const CONNECTIONS = 64
const TURNS = 20

/** Memory of the server while all kinds of signing requests take turns. */
export const bench: Bench = {
  summary: `memory of the server under ${CONNECTIONS} connections, ${TURNS * 3} times --seconds, and idle`,
  async run({ seconds }: BenchOptions) {
    await using authority = await createBenchAuthority()
    await using load = startLoadGenerator()
    await using server = await startChancery(authority)
    const workloads = signingWorkloads({ ...authority, url: server.url })
    for (const { name, requests } of workloads) load.prepare({ workload: name, requests })
    const rows: { answered: number; megabytes: number }[] = [
      { answered: 0, megabytes: megabytes(await server.readMetrics()) },
    ]
    let answered = 0
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const { name } of workloads) {
        const what = { workload: name, port: server.port, connections: CONNECTIONS, seconds }
        const result = await load.run(what)
        if (result.failures > 0) throw new Error(`${name}: ${result.firstFailure ?? ''}`)
        answered += result.answered
      }
      rows.push({ answered, megabytes: megabytes(await server.readMetrics()) })
    }
    printTable(
      ['answers so far', 'RSS MB'],
      rows.map((row) => [row.answered, row.megabytes]),
    )
    const idle = await idleMegabytes(server)
    process.stdout.write(`\nidle, ${IDLE_SECONDS} s after the last answer: ${idle} MB\n`)
    return { bench: 'memory', rows, idle: { seconds: IDLE_SECONDS, megabytes: idle } }
  },
}
