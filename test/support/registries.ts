import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { startProgram } from './child-process.ts'
import { component, type Component } from './components.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

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
  const host = `127.0.0.1:${await findFreePort()}`
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
      http: { addr: host },
    }),
  )
  return running(directory, host, executable, ['serve', configuration], /listening on/)
}

/**
 * go-containerregistry's registry, in memory, with the referrers API of distribution 1.1.
 *
 * @throws Error when the component `referrers-registry` is absent, or does not start.
 */
export async function startReferrersRegistry(): Promise<RunningRegistry> {
  const executable = component('referrers-registry').path
  const directory = await createTemporaryDirectory()
  const host = `127.0.0.1:${await findFreePort()}`
  return running(directory, host, executable, [host], /listening on/)
}

/**
 * zot, which has the referrers API, as any of its builds has it without extensions.
 *
 * @throws Error when the component `zot` is absent, or does not start.
 */
export async function startZot(): Promise<RunningRegistry> {
  const executable = component('zot').path
  const directory = await createTemporaryDirectory()
  const port = await findFreePort()
  const configuration = join(directory.path, 'config.json')
  await writeFile(
    configuration,
    JSON.stringify({
      distSpecVersion: '1.1.1',
      storage: { rootDirectory: join(directory.path, 'storage'), gc: false },
      http: { address: '127.0.0.1', port: String(port) },
      log: { level: 'info' },
    }),
  )
  const args = ['serve', configuration]
  return running(directory, `127.0.0.1:${port}`, executable, args, /configuration settings/)
}

/** Every kind of real registry, by its component, with what starts it. */
export const realRegistries: readonly (readonly [Component, () => Promise<RunningRegistry>])[] = [
  [component('docker-registry'), startDockerRegistry],
  [component('referrers-registry'), startReferrersRegistry],
  [component('zot'), startZot],
]

async function running(
  directory: AsyncDisposable & { readonly path: string },
  host: string,
  executable: string,
  args: readonly string[],
  ready: RegExp,
): Promise<RunningRegistry> {
  try {
    const { program } = await startProgram(executable, args, ready, { cwd: directory.path })
    await waitUntilItAnswers(host)
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

async function waitUntilItAnswers(host: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(2_000) })
      await response.arrayBuffer()
      if (response.ok) return
    } catch (error) {
      if (attempt === 100) throw error
    }
    if (attempt === 100) throw new Error(`the registry at ${host} does not answer /v2/`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A port that nothing listened on a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  await new Promise((resolve) => server.close(resolve))
  return address.port
}
