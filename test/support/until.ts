import { setTimeout as sleep } from 'node:timers/promises'

const LONGEST_MS = 120_000
const EVERY_MS = 10

/**
 * Waits until something is so, far longer than it takes on any machine.
 *
 * @param what It in words, as "the tunnels are closed".
 * @throws Error that names it if it is not so after two minutes.
 */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > LONGEST_MS) {
      throw new Error(`waited ${LONGEST_MS / 1000} s in vain until ${what}`)
    }
    await sleep(EVERY_MS)
  }
}
