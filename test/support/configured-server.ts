import assert from 'node:assert/strict'
import type { Finished, RunOptions } from './child-process.ts'
import { runChancery, startServer, type RunningServer } from './chancery-process.ts'
import type { Variables } from './workshop.ts'

/** A server process that `chancery apply` has configured, and the CLI pointed at it. */
export interface ConfiguredServer extends AsyncDisposable {
  readonly server: RunningServer
  /** `http://127.0.0.1:PORT/Api`, which takes the place of SignPath's `https://app.signpath.io/Api`. */
  readonly apiUrl: string
  /** API token of the CI user `ci`. */
  readonly submitterToken: string
  /** What the environment of our program has to have, so that it calls as the CI user `ci`. */
  readonly submitterVariables: Variables
  /**
   * Runs the CLI as the administrator, to a good end.
   *
   * @throws AssertionError with what it printed when the exit status is not 0.
   */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>
}

/**
 * Makes an authority, serves it and applies `chancery.yaml`, which has to have the CI user `ci`.
 *
 * @throws AssertionError when the configuration is refused.
 */
export async function startConfiguredServer(configuration: string): Promise<ConfiguredServer> {
  const server = await startServer()
  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
    const env = {
      CHANCERY_URL: server.url,
      CHANCERY_ORGANIZATION: server.organizationId,
      CHANCERY_TOKEN: server.adminToken,
      ...options.env,
    }
    const finished = await runChancery(args, { ...options, env })
    assert.equal(finished.code, 0, `chancery ${args.join(' ')}: ${finished.stderr}`)
    return finished
  }
  try {
    await run(['apply', '--file', '-'], { input: configuration })
    const { stdout } = await run(['users', 'token', 'ci', '--raw'])
    const submitterToken = stdout.trim()
    return {
      server,
      apiUrl: `${server.url}/Api`,
      submitterToken,
      submitterVariables: {
        CHANCERY_URL: server.url,
        CHANCERY_ORGANIZATION: server.organizationId,
        CHANCERY_TOKEN: submitterToken,
      },
      run,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}
