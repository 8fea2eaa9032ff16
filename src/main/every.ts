/** Ends a chore, and resolves when its last run is over. */
export type Stop = () => Promise<void>

/**
 * Does something again and again, `intervalMs` after the end of the last time. What it throws is reported and does not
 * end it. It keeps no process alive.
 */
export function every(
  intervalMs: number,
  chore: () => Promise<unknown>,
  report: (what: string, error: unknown) => void,
): Stop {
  let isStopped = false
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const schedule = (): void => {
    if (isStopped) return
    timer = setTimeout(() => {
      running = run()
    }, intervalMs).unref()
  }
  const run = async (): Promise<void> => {
    try {
      await chore()
    } catch (error) {
      report('a chore', error)
    }
    schedule()
  }
  schedule()
  return () => {
    isStopped = true
    clearTimeout(timer)
    return running
  }
}
