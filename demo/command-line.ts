import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../bin/chancery.js', import.meta.url))

/** What a command left behind. */
export interface Finished {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  /** Ends the command; what runs it is told so by a throw, when the command is gone. */
  readonly signal: AbortSignal
}

/** Runs `chancery` with arguments, as a process of its own. */
export async function runChancery(args: readonly string[], options: RunOptions): Promise<Finished> {
  return finish(startChancery(args, options), options.signal)
}

/**
 * Runs the cosign of this machine, which looks for nothing outside of the directory it runs in.
 *
 * @returns undefined if there is none.
 */
export async function runCosign(
  args: readonly string[],
  { cwd, environment, signal }: RunOptions,
): Promise<Finished | undefined> {
  signal.throwIfAborted()
  const own = { TUF_ROOT: join(cwd, 'tuf'), TUF_MIRROR: 'http://127.0.0.1:9' }
  try {
    return await finish(
      spawn('cosign', args, {
        cwd,
        env: { ...process.env, ...own, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
      signal,
    )
  } catch (thrown) {
    const isAbsent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
    if (isAbsent) return undefined
    throw thrown
  }
}

async function finish(child: ChildProcess, signal: AbortSignal): Promise<Finished> {
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const end = (): boolean => child.kill('SIGTERM')
  signal.addEventListener('abort', end, { once: true })
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 70))
  })
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  return { exitCode, stdout: stdout(), stderr: stderr() }
}

/** Starts `chancery serve`, and resolves with its URL when it answers; until then the signal ends it. */
export async function startServer(
  args: readonly string[],
  options: RunOptions,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = startChancery(['serve', ...args], options)
  const end = (): boolean => child.kill('SIGTERM')
  options.signal.addEventListener('abort', end, { once: true })
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const found = /Listening on (\S+)/.exec(stdout())?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`the server ended with ${code ?? 70}: ${stderr()}`)),
    )
  })
  // From here on it is for the caller to end it.
  options.signal.removeEventListener('abort', end)
  return { url, child }
}

/** Ends a server the way an operator does, and resolves when it is gone. */
export async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}

function startChancery(
  args: readonly string[],
  { cwd, environment, signal }: RunOptions,
): ChildProcess {
  signal.throwIfAborted()
  return spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    // What the program keeps for its next start goes with the demo's directory.
    env: { ...process.env, XDG_CACHE_HOME: join(cwd, 'cache'), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}
