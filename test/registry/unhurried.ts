import type { RegistryClientOptions } from '../../src/registry/registry-client.ts'

/** Time limits, in milliseconds, that nothing runs into for being slow: for all waits but the one that a test wants to run out. */
export const UNHURRIED = {
  connectMs: 120_000,
  answerMs: 120_000,
  idleMs: 120_000,
  totalMs: 300_000,
} as const satisfies RegistryClientOptions['timeouts']
