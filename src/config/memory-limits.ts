import { spawnSync } from 'node:child_process'

/** What the engine is started with, unless it was told something about the same. */
const FLAGS: readonly { readonly flag: string; readonly isSet: RegExp }[] = [
  // In megabytes, the half of the young generation that is in use. 16 unless it is told otherwise.
  { flag: '--max-semi-space-size=8', isSet: /max[-_]semi[-_]space[-_]size/ },
  // Lets an idle server give memory back: db/garbage.ts.
  { flag: '--expose-gc', isSet: /expose[-_]gc/ },
]

/** More than any start of the engine takes that does nothing. */
const TRIAL_MS = 10_000

/** Of glibc: threads that share memory give it back, and more than this many arenas save no time. */
const ARENAS = '2'

/**
 * Has the process use less memory, by starting the program anew in the same process: with the same id, environment,
 * arguments and standard streams. The engine takes the limit of its young generation at its start only.
 *
 * Leaves alone what is set, in NODE_OPTIONS or otherwise. Does nothing where nothing is left to set, and where the engine
 * cannot be started again: it works as well with more memory. To be called before anything is opened or read.
 */
export function limitMemory(): void {
  const { execPath, execArgv, env } = process
  const options = [...execArgv, env['NODE_OPTIONS'] ?? '']
  const missing = FLAGS.filter(({ isSet }) => !options.some((option) => isSet.test(option)))
  if (missing.length === 0) return
  const flags = missing.map(({ flag }) => flag)
  // Windows has none.
  if (process.execve === undefined || !canStart(execPath, flags)) return
  const args = [execPath, ...flags, ...execArgv, ...process.argv.slice(1)]
  process.execve(execPath, args, { MALLOC_ARENA_MAX: ARENAS, ...env })
}

/** Found out by another process, since an `execve` that fails aborts its own: the file may be gone, or not to be executed. */
function canStart(execPath: string, flags: readonly string[]): boolean {
  const { status } = spawnSync(execPath, [...flags, '--version'], {
    stdio: 'ignore',
    timeout: TRIAL_MS,
  })
  return status === 0
}
