import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  runProgram,
  startProgram,
  type Finished,
  type RunningProgram,
  type RunOptions,
} from './child-process.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from './temporary-directory.ts'

/** Absolute path of the program as users start it. */
export const chanceryPath = fileURLToPath(new URL('../../bin/chancery.js', import.meta.url))

/** A new master key in the form `CHANCERY_MASTER_KEY` has: base64 of 32 bytes. */
export function createMasterKey(): string {
  return randomBytes(32).toString('base64')
}

/** Runs `chancery ARGS…` as a process of its own, to its end. */
export function runChancery(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return runProgram(process.execPath, [chanceryPath, ...args], {
    ...options,
    env: { ...withoutOurVariables(), ...options.env },
  })
}

/** How `startServer` makes its server. */
export interface ServerOptions {
  /** An existing directory to make the authority in; it is kept. By default a temporary one. */
  readonly dataDir?: string
  /** Added to the environment of `init` and `serve`. */
  readonly env?: Readonly<Record<string, string>>
  /** Further arguments of `serve`. */
  readonly args?: readonly string[]
}

/** `chancery serve` in a process of its own, on an authority that `chancery init` just made. */
export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; another one after `restart`. */
  readonly url: string
  readonly organizationId: string
  readonly administratorId: string
  /** API token of the administrator. */
  readonly adminToken: string
  readonly dataDir: string
  /** The environment it runs in: what a CLI call on the same data directory needs. */
  readonly env: Readonly<Record<string, string>>
  /** Process id of the server that runs now. */
  readonly pid: number
  /** Everything printed so far by the server that runs now. */
  output(): string
  /** Sends the signal and waits for the end of the process. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends it with SIGTERM when it still runs, and starts it on the same data directory. */
  restart(): Promise<void>
}

/**
 * Makes an authority and serves it.
 *
 * @throws Error with all that was printed when `init` fails or `serve` does not get ready.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const directory = options.dataDir === undefined ? await createTemporaryDirectory() : undefined
  try {
    const dataDir = options.dataDir ?? join(directory!.path, 'data')
    const env = { CHANCERY_MASTER_KEY: createMasterKey(), ...options.env }
    const authority = await createAuthority(dataDir, env)
    const start = () => serve(dataDir, env, options.args ?? [])
    return handleOf(await start(), start, { ...authority, dataDir, env }, directory)
  } catch (error) {
    await directory?.[Symbol.asyncDispose]()
    throw error
  }
}

interface Authority {
  readonly organizationId: string
  readonly administratorId: string
  readonly adminToken: string
}

async function createAuthority(
  dataDir: string,
  env: Readonly<Record<string, string>>,
): Promise<Authority> {
  const init = await runChancery(['init', '--data-dir', dataDir, '--json'], { env })
  if (init.code !== 0) {
    throw new Error(`chancery init: exit status ${init.code}\n${init.stdout}${init.stderr}`)
  }
  const answer = JSON.parse(init.stdout) as Record<'organizationId' | 'administratorId', string> & {
    apiToken: string
  }
  const { organizationId, administratorId, apiToken } = answer
  return { organizationId, administratorId, adminToken: apiToken }
}

interface Serving {
  readonly program: RunningProgram
  readonly url: string
}

async function serve(
  dataDir: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<Serving> {
  const command = [chanceryPath, 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0', ...args]
  const { program, match } = await startProgram(
    process.execPath,
    command,
    /^Listening on (http:\/\/127\.0\.0\.1:\d+)$/m,
    { env: { ...process.env, ...withoutOurVariables(), ...env } },
  )
  return { program, url: match[1]! }
}

function handleOf(
  first: Serving,
  start: () => Promise<Serving>,
  facts: Authority & Pick<RunningServer, 'dataDir' | 'env'>,
  directory: TemporaryDirectory | undefined,
): RunningServer {
  let current = first
  return {
    ...facts,
    get url() {
      return current.url
    },
    get pid() {
      return current.program.child.pid!
    },
    output: () => current.program.output(),
    kill: (signal) => current.program.stop(signal),
    async restart() {
      await current.program.stop()
      current = await start()
    },
    async [Symbol.asyncDispose]() {
      await current.program.stop('SIGKILL')
      await directory?.[Symbol.asyncDispose]()
    },
  }
}

/** Takes away what the person who runs the tests may have set for their own authority. */
function withoutOurVariables(): Record<string, undefined> {
  const ours = Object.keys(process.env).filter((name) => name.startsWith('CHANCERY_'))
  return Object.fromEntries(ours.map((name) => [name, undefined]))
}
