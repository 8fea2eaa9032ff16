/** How a benchmark is run. */
export interface BenchOptions {
  /** Of each measurement. */
  readonly seconds: number
  /** How often each thing is measured; the rounds interleave, so that what disturbs the machine disturbs all. */
  readonly rounds: number
  readonly connections: readonly number[]
}

/** A benchmark: `bench/<name>.ts` exports one as `bench`. */
export interface Bench {
  /** One line for the list of benchmarks. */
  readonly summary: string
  /**
   * Measures, and prints its tables.
   *
   * @returns What it found, for `--json`.
   * @throws Error if an answer was wrong; never because something was slow.
   */
  run(options: BenchOptions): Promise<object>
}
