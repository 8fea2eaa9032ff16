/** Of the engine: in megabytes, the half of the young generation that is in use. 16 unless it is told otherwise. */
const SEMI_SPACE = '--max-semi-space-size=8'

/** Of glibc: threads that share memory give it back, and more than this many arenas save no time. */
const ARENAS = '2'

/**
 * Has the process use less memory, by starting the program anew in the same process: with the same id, environment,
 * arguments and standard streams. The engine takes the limit of its young generation at its start only.
 *
 * Does nothing where a limit is set, in NODE_OPTIONS or otherwise, and where the system has no `execve`. To be called before
 * anything is opened or read.
 */
export function limitMemory(): void {
  const options = [...process.execArgv, process.env['NODE_OPTIONS'] ?? '']
  if (options.some((option) => /max[-_]semi[-_]space[-_]size/.test(option))) return
  const args = [process.execPath, SEMI_SPACE, ...process.execArgv, ...process.argv.slice(1)]
  try {
    process.execve?.(process.execPath, args, { MALLOC_ARENA_MAX: ARENAS, ...process.env })
  } catch {
    // Windows, or not allowed: it works as well with more memory.
  }
}
