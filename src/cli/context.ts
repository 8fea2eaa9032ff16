import type { ApplicationContext } from '@stricli/core'
import type { Environment, EnvironmentSecrets } from '../config/environment.ts'
import type { Output } from './output.ts'
import type { CliServices } from './services.ts'
import type { Terminal } from './terminal.ts'

/** What every command gets as `this`. */
export interface CliContext extends ApplicationContext {
  readonly output: Output
  readonly environment: Environment
  readonly secrets: EnvironmentSecrets
  readonly services: CliServices
  /** Whether a person looks at stderr. */
  readonly isInteractive: boolean
  /** The person at standard input; undefined where there is a file, a pipe or nothing. */
  readonly terminal: Terminal | undefined
  /** Reads all of standard input, at most 1 MiB; the same text each time. */
  readonly readStandardInput: () => Promise<string>
  /** Reads all of standard input as a document, once; a password cannot come from there then. */
  readonly readStandardInputBytes: (maxBytes: number) => Promise<Uint8Array>
}
