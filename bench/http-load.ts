import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Requests the process is to keep for later loads. */
export interface Prepare {
  readonly workload: string
  /** Whole HTTP/1.1 requests, sent in turn. */
  readonly requests: readonly Uint8Array[]
}

/** One measurement against a server on this machine. */
export interface Load {
  /** Of an earlier {@link Prepare}. */
  readonly workload: string
  readonly port: number
  readonly connections: number
  readonly seconds: number
}

/** An answer that was kept. */
export interface Answered {
  /** The index of its request. */
  readonly request: number
  readonly body: string
}

/** What one measurement gave. */
export interface LoadResult {
  readonly answered: number
  /** Answers whose status is not 2xx, and connections that broke. */
  readonly failures: number
  readonly firstFailure: string | null
  /** A few answers from the start of the measurement. */
  readonly samples: readonly Answered[]
  readonly seconds: number
  /** What the load generator itself took. */
  readonly cpuSeconds: number
  /** Of every answer, from the write of the request to the last byte of the answer. */
  readonly latenciesMs: Float64Array
}

/** A load generator in a process of its own, so that what it costs is not measured as the server's. */
export interface LoadGenerator extends AsyncDisposable {
  prepare(prepare: Prepare): void
  run(load: Load): Promise<LoadResult>
}

/** Starts a load generator. */
export function startLoadGenerator(): LoadGenerator {
  const path = fileURLToPath(new URL('./http-load-process.ts', import.meta.url))
  const child = fork(path, { serialization: 'advanced', execArgv: [] })
  return {
    prepare: (message) => void child.send(message),
    async run(load) {
      child.send(load)
      const [result] = (await once(child, 'message')) as [LoadResult]
      return result
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
