import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** What a process did to its disk and its clients, in the order in which it was done. */
export type Deed =
  { readonly kind: 'wal-write' | 'wal-sync' } | { readonly kind: 'answer'; readonly status: number }

/** strace on a running process. */
export interface Tracer {
  /** Lets go of the process, and returns what it did meanwhile. */
  stop(): Promise<readonly Deed[]>
}

/**
 * Attaches strace to a process with all its threads.
 *
 * @param output Where strace writes.
 * @param more Arguments that choose calls (`-e`, `-P`); by default those that deeds are read from.
 */
export async function trace(
  strace: string,
  pid: number,
  output: string,
  more: readonly string[] = ['-e', 'trace=fsync,fdatasync,pwrite64,pwritev,write,writev'],
): Promise<Tracer> {
  const child = spawn(strace, ['-f', '-yy', '-s', '40', '-o', output, '-p', String(pid), ...more], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const attached = Promise.withResolvers<undefined>()
  let said = ''
  child.stderr.on('data', (chunk: Uint8Array) => {
    said += Buffer.from(chunk).toString('utf8')
    if (said.includes(' attached')) attached.resolve(undefined)
  })
  const ended = once(child, 'exit')
  void ended.then(() => {
    attached.reject(new Error(`strace ended: ${said}`))
  })
  await attached.promise
  return {
    async stop() {
      child.kill('SIGINT')
      await ended
      return readDeeds(readFileSync(output, 'utf8'))
    },
  }
}

function readDeeds(text: string): readonly Deed[] {
  const deeds: Deed[] = []
  const syncing = new Set<string>()
  for (const line of text.split('\n')) {
    const [thread = ''] = line.split(' ', 1)
    const answer = /writev?\(\d+<TCP.*"HTTP\/1\.1 (\d{3}) /.exec(line)
    if (answer !== null) deeds.push({ kind: 'answer', status: Number(answer[1]) })
    else if (/pwrite(64|v)\(\d+<[^>]*-wal>/.test(line)) deeds.push({ kind: 'wal-write' })
    else if (/f(data)?sync\(\d+<[^>]*-wal>\)\s+= 0/.test(line)) deeds.push({ kind: 'wal-sync' })
    else if (/f(data)?sync\(\d+<[^>]*-wal> <unfinished/.test(line)) syncing.add(thread)
    else if (/f(data)?sync resumed>.*= 0/.test(line) && syncing.delete(thread))
      deeds.push({ kind: 'wal-sync' })
  }
  return deeds
}
