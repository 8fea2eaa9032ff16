import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { BenchServer } from './server.ts'

/** What a look from outside counted, beside the server's own count. */
export interface SyncCalls {
  /** fsync and fdatasync calls of the process, counted by strace. */
  readonly syncCalls: number
  readonly commits: number
}

/**
 * Counts the sync calls of a server that is under load, beside its commits. Tracing slows it down: no rate is measured.
 *
 * @returns undefined where there is no strace, or it may not look.
 */
export async function countSyncCalls(
  server: BenchServer,
  seconds: number,
): Promise<SyncCalls | undefined> {
  const strace = spawn('strace', ['-f', '-e', 'trace=fsync,fdatasync', '-p', String(server.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  strace.stderr.on('data', (chunk: Uint8Array) => (text += Buffer.from(chunk).toString('latin1')))
  const isStarted = await Promise.race([
    once(strace.stderr, 'data').then(() => text.includes('attached')),
    once(strace, 'error').then(() => false),
    once(strace, 'exit').then(() => false),
  ])
  if (!isStarted) return undefined
  const commitsOf = async (): Promise<number> =>
    (await server.readMetrics()).get('chancery_commits_total') ?? 0
  const callsOf = (): number => text.match(/f(?:data)?sync\(\d+/g)?.length ?? 0
  const before = { commits: await commitsOf(), syncCalls: callsOf() }
  await setTimeout(seconds * 1000)
  const commits = (await commitsOf()) - before.commits
  const syncCalls = callsOf() - before.syncCalls
  const ended = once(strace, 'exit')
  strace.kill('SIGINT')
  await ended
  return { syncCalls, commits }
}
