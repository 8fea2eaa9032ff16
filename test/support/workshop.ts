import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runChancery } from './chancery-process.ts'
import { runProgram, type Finished, type RunOptions } from './child-process.ts'
import type { Component } from './components.ts'
import { createTemporaryDirectory } from './temporary-directory.ts'

/** Environment variables. */
export type Variables = Readonly<Record<string, string>>

/** A trusted root that trusts nobody. Cosign 2.6 asks for one where there are bundles, and uses nothing of it with a key. */
const EMPTY_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'

/** A directory that is HOME, and programs in it that read nothing of this machine's configuration and cannot get out of it. */
export interface Workshop extends AsyncDisposable {
  /** Absolute path of the directory; `root.json` in it is a trusted root that trusts nobody. */
  readonly directory: string
  /** What its programs have in their environment, besides what this process has. */
  readonly variables: Variables
  /** Absolute path of a file in it. */
  path(name: string): string
  /** Runs our program there, whatever its exit status. */
  chancery(args: readonly string[], options?: RunOptions): Promise<Finished>
  /** Runs another one there, whatever its exit status. */
  run(program: Component, ...args: readonly string[]): Promise<Finished>
  /** Runs another one there. @throws Error with what it printed if it fails. */
  must(program: Component, ...args: readonly string[]): Promise<Finished>
}

/**
 * Opens a workshop in an empty directory.
 *
 * @param variables Added to those of {@link cutOff}, for every program.
 */
export async function openWorkshop(variables: Variables = {}): Promise<Workshop> {
  const temporary = await createTemporaryDirectory()
  const directory = temporary.path
  const path = (name: string): string => join(directory, name)
  const env = { ...cutOff(directory), ...variables }
  await writeFile(path('root.json'), EMPTY_ROOT)
  const run = (program: Component, ...args: readonly string[]): Promise<Finished> =>
    runProgram(program.path, args, { cwd: directory, env: { ...env, TMPDIR: directory } })
  return {
    directory,
    variables: env,
    path,
    run,
    chancery: (args, options = {}) =>
      runChancery(args, { cwd: directory, ...options, env: { ...env, ...options.env } }),
    async must(program, ...args) {
      const finished = await run(program, ...args)
      if (finished.code === 0) return finished
      throw new Error(`${program.name} ${args.join(' ')}: ${finished.stdout}${finished.stderr}`)
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

/** Variables with which a program has the directory for its HOME, and cosign and others have no way out of this machine. */
export function cutOff(directory: string): Variables {
  return {
    HOME: directory,
    DOCKER_CONFIG: directory,
    TUF_ROOT: join(directory, 'tuf'),
    TUF_MIRROR: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '127.0.0.1,localhost',
    COSIGN_YES: 'true',
    COSIGN_PASSWORD: 'secret words',
  }
}
