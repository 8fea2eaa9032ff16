import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProgram } from './child-process.ts'
import { component, type Component } from './components.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'
import { until } from './until.ts'

/** Any port that is free: a registry that chooses it has it, which none has that it was given. */
const ANY_PORT = '127.0.0.1:0'
/** As docker-registry and referrers-registry print it. */
const LISTENING = /listening on 127\.0\.0\.1:(\d+)["\s]/

/** A real registry of its own process, empty at first, on a port of 127.0.0.1, plain HTTP. */
export interface RunningRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as it stands before the first `/` of an image name. */
  readonly host: string
  /** What it logged so far. */
  output(): string
}

/**
 * Debian's docker-registry (distribution 2.8): it has no referrers API, manifests can be deleted.
 *
 * @throws Error when the component `docker-registry` is absent, or does not start.
 */
export async function startDockerRegistry(): Promise<RunningRegistry> {
  const executable = component('docker-registry').path
  const directory = await createTemporaryDirectory()
  const configuration = join(directory.path, 'config.yml')
  await writeFile(
    configuration,
    JSON.stringify({
      version: 0.1,
      log: { level: 'info', accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: join(directory.path, 'storage') },
        delete: { enabled: true },
      },
      http: { addr: ANY_PORT },
    }),
  )
  return running(directory, executable, ['serve', configuration], LISTENING)
}

/**
 * go-containerregistry's registry, in memory, with the referrers API of distribution 1.1.
 *
 * @throws Error when the component `referrers-registry` is absent, or does not start.
 */
export async function startReferrersRegistry(): Promise<RunningRegistry> {
  const executable = component('referrers-registry').path
  const directory = await createTemporaryDirectory()
  return running(directory, executable, [ANY_PORT], LISTENING)
}

/**
 * zot, which has the referrers API, as any of its builds has it without extensions.
 *
 * @throws Error when the component `zot` is absent, or does not start.
 */
export async function startZot(): Promise<RunningRegistry> {
  const executable = component('zot').path
  const directory = await createTemporaryDirectory()
  const configuration = join(directory.path, 'config.json')
  await writeFile(
    configuration,
    JSON.stringify({
      distSpecVersion: '1.1.1',
      storage: { rootDirectory: join(directory.path, 'storage'), gc: false },
      http: { address: '127.0.0.1', port: '0' },
      log: { level: 'info' },
    }),
  )
  const listening = /listening on kernel chosen port","port":(\d+),/
  return running(directory, executable, ['serve', configuration], listening)
}

/** Every kind of real registry, by its component, with what starts it. */
export const realRegistries: readonly (readonly [Component, () => Promise<RunningRegistry>])[] = [
  [component('docker-registry'), startDockerRegistry],
  [component('referrers-registry'), startReferrersRegistry],
  [component('zot'), startZot],
]

/** @param listening Matches what it prints of the port that it was given, which is group 1. */
async function running(
  directory: AsyncDisposable & { readonly path: string },
  executable: string,
  args: readonly string[],
  listening: RegExp,
): Promise<RunningRegistry> {
  try {
    const options = { cwd: directory.path }
    const { program, match } = await startProgram(executable, args, listening, options)
    const host = `127.0.0.1:${match[1]!}`
    await until(`the registry at ${host} answers`, () => answers(host))
    return {
      host,
      output: () => program.output(),
      async [Symbol.asyncDispose]() {
        await program.stop('SIGKILL')
        await directory[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await directory[Symbol.asyncDispose]()
    throw error
  }
}

async function answers(host: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${host}/v2/`)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
