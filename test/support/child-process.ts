import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'

/** What a finished program left behind. */
export interface Finished {
  /** Exit status, or `null` when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** UTF-8 text; `stdoutBytes` has the same before decoding. */
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: Uint8Array
}

/** How a program is run to its end. */
export interface RunOptions {
  readonly cwd?: string
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Given on standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array
  /** After this the program is killed and the run throws; 300,000 by default. */
  readonly timeoutMs?: number
}

/**
 * Runs a program to its end, whatever its exit status.
 *
 * @throws Error when it cannot be started or takes too long; what it printed is in the message.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const timeoutMs = options.timeoutMs ?? 300_000
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  const stdout: Uint8Array[] = []
  const stderr: Uint8Array[] = []
  child.stdout.on('data', (chunk: Uint8Array) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Uint8Array) => stderr.push(chunk))
  // A program may end without reading its input.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const stdoutBytes = new Uint8Array(Buffer.concat(stdout))
  const finished = {
    code,
    signal,
    stdout: Buffer.from(stdoutBytes).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
    stdoutBytes,
  }
  if (!child.killed) return finished
  const printed = `${finished.stdout}${finished.stderr}`
  throw new Error(`${command} ${args.join(' ')}: not done after ${timeoutMs} ms\n${printed}`)
}

/** A program that goes on running until it is stopped. */
export interface RunningProgram {
  readonly child: ChildProcess
  /** Resolves when it has ended and all that it printed is read. */
  readonly ended: Promise<void>
  /** Everything printed so far, standard output and standard error together. */
  output(): string
  /** Sends the signal and waits for the end, and for what it printed if the signal was not SIGKILL. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts a program and waits until its output, both streams together, matches `ready`.
 *
 * The program does not outlive this process.
 *
 * @returns the program and the match.
 * @throws Error with all it printed when it ends, or says nothing of the kind in `timeoutMs`, by default 120,000.
 */
export async function startProgram(
  command: string,
  args: readonly string[],
  ready: RegExp,
  options: SpawnOptions & { readonly timeoutMs?: number } = {},
): Promise<{ program: RunningProgram; match: RegExpExecArray }> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const killWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithUs)
  child.once('exit', () => process.removeListener('exit', killWithUs))
  let text = ''
  const program: RunningProgram = {
    child,
    ended: new Promise((resolve) => child.once('close', () => resolve())),
    output: () => text,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill(signal)
        await exited
      }
      // Others that it started may hold its output.
      if (signal !== 'SIGKILL') await program.ended
    },
  }
  const timeoutMs = options.timeoutMs ?? 120_000
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
  const failed = (what: string): void => {
    reject(new Error(`${command} ${args.join(' ')}: ${what}; it printed:\n${text}`))
  }
  const timer = setTimeout(() => {
    failed(`not ready after ${timeoutMs} ms`)
  }, timeoutMs)
  const read = (chunk: Uint8Array): void => {
    text += Buffer.from(chunk).toString('utf8')
    const match = ready.exec(text)
    if (match !== null) resolve(match)
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  child.once('error', (error) => {
    failed(error.message)
  })
  child.once('close', (code, signal) => {
    failed(`ended with ${String(code ?? signal)} before it was ready`)
  })
  try {
    return { program, match: await promise }
  } catch (error) {
    await program.stop('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
}
