/** Ends a chore, and resolves when its last run is over. */
export type Stop = () => Promise<void>

const SOON_MS = 1000

/**
 * Does something soon, and again and again, `intervalMs` after the end of the last time. What it throws is reported and does not
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
  const schedule = (delayMs: number): void => {
    if (isStopped) return
    timer = setTimeout(() => {
      running = run()
    }, delayMs).unref()
  }
  const run = async (): Promise<void> => {
    try {
      await chore()
    } catch (error) {
      report('a chore', error)
    }
    schedule(intervalMs)
  }
  schedule(Math.min(intervalMs, SOON_MS))
  return () => {
    isStopped = true
    clearTimeout(timer)
    return running
  }
}
