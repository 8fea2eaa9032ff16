import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runProgram, startProgram } from '../test/support/child-process.ts'
import type { BenchAuthority } from './authority.ts'

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** A process that answers HTTP on this machine. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** By the names of `/metrics`, those without labels. */
  readMetrics(): Promise<ReadonlyMap<string, number>>
}

/** `chancery serve` as users run it: built, without an access log. */
export async function startChancery(authority: BenchAuthority): Promise<BenchServer> {
  const { dataDir, masterKey } = authority
  const built = await runProgram(process.execPath, [pathOf('../tools/build.ts')])
  if (built.code !== 0) throw new Error(`npm run build: ${built.stderr}`)
  const args = ['serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0', '--quiet']
  return start([pathOf('../dist/main.cjs'), ...args], { CHANCERY_MASTER_KEY: masterKey })
}

/** The server that does nothing. */
export function startEmptyServer(): Promise<BenchServer> {
  return start([pathOf('./empty-server.ts')], {})
}

async function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<BenchServer> {
  const { program, match } = await startProgram(
    process.execPath,
    args,
    /^Listening on (http:\/\/127\.0\.0\.1:(\d+))$/m,
    { env: { ...process.env, ...env } },
  )
  const url = match[1]!
  return {
    url,
    port: Number(match[2]),
    pid: program.child.pid!,
    async readMetrics() {
      const text = await (await fetch(`${url}/metrics`)).text()
      const lines = text.split('\n').filter((line) => /^\w+ [\d.]+$/.test(line))
      return new Map(lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]))
    },
    [Symbol.asyncDispose]: () => program.stop(),
  }
}

/** How long a server is left alone before its memory counts as that of an idle one: it rests once a minute at most. */
export const IDLE_SECONDS = 75

/** Resident memory in megabytes, after {@link IDLE_SECONDS} without a request. */
export async function idleMegabytes(server: BenchServer): Promise<number> {
  await delay(IDLE_SECONDS * 1000)
  return megabytes(await server.readMetrics())
}

/** Of the metrics: resident memory in megabytes. */
export function megabytes(metrics: ReadonlyMap<string, number>): number {
  return Math.round((metrics.get('process_resident_memory_bytes') ?? 0) / 1e6)
}
