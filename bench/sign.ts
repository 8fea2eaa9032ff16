import { generateKeyPairSync, sign } from 'node:crypto'
import { createBenchAuthority } from './authority.ts'
import type { Bench, BenchOptions } from './bench.ts'
import { startLoadGenerator, type LoadGenerator, type LoadResult } from './http-load.ts'
import {
  IDLE_SECONDS,
  idleMegabytes,
  megabytes,
  startChancery,
  startEmptyServer,
  type BenchServer,
} from './server.ts'
import { signingWorkloads, type Workload } from './signing-workloads.ts'
import { countSyncCalls, type SyncCalls } from './sync-calls.ts'
import { printTable } from './table.ts'

/** One row of the report: one way of asking, at one number of connections, all rounds together. */
export interface Measurement {
  readonly path: string
  readonly connections: number
  readonly answered: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Processor time of the server per answer, all its threads, in microseconds. */
  readonly serverCpuMicroseconds: number
  readonly commitsPerSecond: number
  readonly answersPerCommit: number
  /** Of the rate of the empty handler at as many connections, in the same rounds. */
  readonly ofEmpty: number
  /** Of the rate of signing alone, in the same rounds. */
  readonly ofRaw: number
}

/** Adds up the rounds of one row. */
class Sum {
  answered = 0
  seconds = 0
  cpuSeconds = 0
  commits = 0
  readonly latencies: Float64Array[] = []

  add(result: LoadResult, cpuSeconds: number, commits: number): void {
    this.answered += result.answered
    this.seconds += result.seconds
    this.cpuSeconds += cpuSeconds
    this.commits += commits
    this.latencies.push(result.latenciesMs)
  }

  get perSecond(): number {
    return this.answered / this.seconds
  }
}

const EMPTY = 'empty handler'
const WARM_UP_ANSWERS = 10_000
const WARM_UP_TURNS = 4
const SYNC_SECONDS = 1.5

/** Signing requests over HTTP, beside the signing alone and the HTTP alone. */
export const bench: Bench = {
  summary: 'durable, audited signing requests over HTTP, beside bare signing and a bare handler',
  run: runSignBench,
}

async function runSignBench(options: BenchOptions): Promise<object> {
  await using authority = await createBenchAuthority()
  await using load = startLoadGenerator()
  await using chancery = await startChancery(authority)
  await using empty = await startEmptyServer()
  const workloads = signingWorkloads({ ...authority, url: chancery.url })
  for (const { name, requests } of workloads) load.prepare({ workload: name, requests })

  const memoryAtStart = megabytes(await chancery.readMetrics())
  for (const { name } of workloads) await warmUp(load, name, chancery)
  await warmUp(load, workloads[0]!.name, empty)

  const sums = new Map<string, Sum>()
  const sumOf = (path: string, connections: number): Sum => {
    const key = `${path} ${connections}`
    const sum = sums.get(key) ?? new Sum()
    sums.set(key, sum)
    return sum
  }
  const raw: number[] = []
  const memory: number[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    raw.push(signAlone(options.seconds / 2))
    for (const connections of options.connections) {
      const each = { connections, seconds: options.seconds }
      await measure(
        load,
        empty,
        { workload: workloads[0]!.name, ...each },
        sumOf(EMPTY, connections),
      )
      for (const workload of workloads) {
        const sum = sumOf(workload.name, connections)
        const result = await measure(load, chancery, { workload: workload.name, ...each }, sum)
        await check(workload, result)
      }
    }
    memory.push(megabytes(await chancery.readMetrics()))
  }

  const busy = load.run({
    workload: workloads[0]!.name,
    port: chancery.port,
    connections: 64,
    seconds: SYNC_SECONDS * 2,
  })
  const syncCalls = await countSyncCalls(chancery, SYNC_SECONDS)
  await busy
  const idle = await idleMegabytes(chancery)

  const rawPerSecond = median(raw)
  const measurements = options.connections.flatMap((connections) =>
    [EMPTY, ...workloads.map(({ name }) => name)].map((path) =>
      summarize(
        path,
        connections,
        sumOf(path, connections),
        sumOf(EMPTY, connections),
        rawPerSecond,
      ),
    ),
  )
  const report = {
    bench: 'sign',
    rounds: options.rounds,
    secondsEach: options.seconds,
    rawSignaturesPerSecond: Math.round(rawPerSecond),
    memoryMegabytes: {
      atStart: memoryAtStart,
      afterEachRound: memory,
      idleSeconds: IDLE_SECONDS,
      idle,
    },
    measurements,
    syncCalls: syncCalls ?? null,
    budget: judge(measurements, memory.at(-1) ?? 0, idle),
  }
  print(report)
  return report
}

/** Runs until the engine has compiled what is used often. */
async function warmUp(load: LoadGenerator, workload: string, { port }: BenchServer): Promise<void> {
  for (let answered = 0, turn = 0; answered < WARM_UP_ANSWERS && turn < WARM_UP_TURNS; turn += 1) {
    const result = await load.run({ workload, port, connections: 64, seconds: 1 })
    if (result.failures > 0) throw new Error(`${workload}: ${result.firstFailure ?? ''}`)
    answered += result.answered
  }
}

async function measure(
  load: LoadGenerator,
  server: BenchServer,
  what: { readonly workload: string; readonly connections: number; readonly seconds: number },
  sum: Sum,
): Promise<LoadResult> {
  const before = await server.readMetrics()
  const result = await load.run({ ...what, port: server.port })
  const after = await server.readMetrics()
  const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  sum.add(result, grown('process_cpu_seconds_total'), grown('chancery_commits_total'))
  return result
}

/** @throws Error if any answer was not what it should be. */
async function check(workload: Workload, result: LoadResult): Promise<void> {
  const { failures, firstFailure, samples } = result
  if (failures > 0) {
    throw new Error(`${workload.name}: ${failures} wrong answers; the first: ${firstFailure ?? ''}`)
  }
  for (const sample of samples) await workload.check(sample)
}

/** Signatures a second that a P-256 key gives on one thread that does nothing else. */
function signAlone(seconds: number): number {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const message = Buffer.alloc(230, 7)
  const startedAt = performance.now()
  const end = startedAt + seconds * 1000
  let made = 0
  while (performance.now() < end) {
    for (let n = 0; n < 100; n += 1) sign('sha256', message, privateKey)
    made += 100
  }
  return (made * 1000) / (performance.now() - startedAt)
}

function summarize(
  path: string,
  connections: number,
  sum: Sum,
  empty: Sum,
  rawPerSecond: number,
): Measurement {
  const latencies = new Float64Array(sum.latencies.reduce((total, each) => total + each.length, 0))
  let offset = 0
  for (const each of sum.latencies) {
    latencies.set(each, offset)
    offset += each.length
  }
  latencies.sort()
  const quantile = (q: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? 0
  return {
    path,
    connections,
    answered: sum.answered,
    perSecond: Math.round(sum.perSecond),
    p50Ms: rounded(quantile(0.5)),
    p99Ms: rounded(quantile(0.99)),
    p999Ms: rounded(quantile(0.999)),
    serverCpuMicroseconds: rounded((sum.cpuSeconds * 1e6) / sum.answered),
    commitsPerSecond: Math.round(sum.commits / sum.seconds),
    answersPerCommit: sum.commits === 0 ? 0 : rounded(sum.answered / sum.commits),
    ofEmpty: rounded(sum.perSecond / empty.perSecond),
    ofRaw: rounded(sum.perSecond / rawPerSecond),
  }
}

/** The budget of issue and design: each line, and whether it holds. */
function judge(
  measurements: readonly Measurement[],
  memory: number,
  idleMemory: number,
): readonly { readonly line: string; readonly holds: boolean }[] {
  const at = (path: string, connections: number): Measurement | undefined =>
    measurements.find((row) => row.path === path && row.connections === connections)
  const lines: { line: string; holds: boolean }[] = []
  for (const path of ['SubmitWithPayload', 'SignHash']) {
    const row = at(path, 64)
    if (row === undefined) continue
    lines.push({
      line: `${path}, 64 connections: 10,000/s with p99 of at most 20 ms, or 20 % of the empty handler`,
      holds: (row.perSecond >= 10_000 && row.p99Ms <= 20) || row.ofEmpty >= 0.2,
    })
  }
  const zip = at('SubmitWithArtifact', 64)
  if (zip !== undefined) {
    lines.push({
      line: 'SubmitWithArtifact, 64 connections: 3,000/s',
      holds: zip.perSecond >= 3000,
    })
  }
  const one = at('SubmitWithPayload', 1)
  if (one !== undefined) {
    lines.push({
      line: 'SubmitWithPayload, 1 connection: p50 of at most 1 ms',
      holds: one.p50Ms <= 1,
    })
  }
  return [
    ...lines,
    { line: 'memory right after load: at most 150 MB', holds: memory <= 150 },
    {
      line: `memory ${IDLE_SECONDS} s after load: at most 150 MB`,
      holds: idleMemory <= 150,
    },
  ]
}

function print(report: {
  readonly rawSignaturesPerSecond: number
  readonly memoryMegabytes: {
    readonly atStart: number
    readonly afterEachRound: readonly number[]
    readonly idle: number
  }
  readonly measurements: readonly Measurement[]
  readonly syncCalls: SyncCalls | null
  readonly budget: readonly { readonly line: string; readonly holds: boolean }[]
}): void {
  const { memoryMegabytes: memory, syncCalls } = report
  const seen =
    syncCalls === null
      ? 'sync calls: not counted, for want of strace'
      : `sync calls seen by strace: ${syncCalls.syncCalls} for ${syncCalls.commits} commits`
  printTable(
    [
      'path',
      'conn',
      'rate/s',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'CPU µs',
      'commits/s',
      'per commit',
      '/empty',
      '/raw',
    ],
    report.measurements.map((row) => [
      row.path,
      row.connections,
      row.perSecond,
      row.p50Ms,
      row.p99Ms,
      row.p999Ms,
      row.serverCpuMicroseconds,
      row.commitsPerSecond,
      row.answersPerCommit,
      row.ofEmpty,
      row.ofRaw,
    ]),
  )
  process.stdout.write(
    `\nsigning alone, one thread: ${report.rawSignaturesPerSecond}/s\n` +
      `server memory (RSS): ${memory.atStart} MB at start, right after each round ${memory.afterEachRound.join(', ')} MB, idle for ${IDLE_SECONDS} s ${memory.idle} MB\n${seen}\n\n` +
      report.budget.map(({ line, holds }) => `${holds ? 'holds ' : 'FAILS '} ${line}\n`).join(''),
  )
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Three significant digits or whole numbers. */
function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
