import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram, type Finished } from './child-process.ts'
import { component, type Component } from './components.ts'
import { cutOff } from './workshop.ts'

/** What {@link createShell} needs. */
export const bash = component('bash')

/** `bash` in a directory of its own, with real components under the names users type. */
export interface Shell {
  readonly directory: string
  /** Runs the lines with `bash -euo pipefail`, which ends at the first that fails. */
  run(script: string, variables?: Readonly<Record<string, string>>): Promise<Finished>
}

/**
 * Makes a shell in an empty directory.
 *
 * Nothing that runs in it reads this machine's configuration, and cosign has no way out of it.
 *
 * @param components By the name each has in the shell, as `{ cosign: component('cosign-3') }`.
 */
export async function createShell(
  directory: string,
  components: Readonly<Record<string, Component>>,
): Promise<Shell> {
  const [bin, home] = [join(directory, '.bin'), join(directory, '.home')]
  await mkdir(bin)
  await mkdir(home)
  for (const [name, { path }] of Object.entries(components)) await symlink(path, join(bin, name))
  return {
    directory,
    run: (script, variables = {}) =>
      runProgram(bash.path, ['--norc', '-euo', 'pipefail', '-c', script], {
        cwd: directory,
        env: {
          ...cutOff(home),
          PATH: `${bin}:${process.env['PATH'] ?? ''}`,
          LC_ALL: 'C.UTF-8',
          ...variables,
        },
      }),
  }
}
