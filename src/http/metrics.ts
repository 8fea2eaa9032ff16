const BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const

interface Series {
  readonly byStatusClass: Map<string, number>
  /** One more than the buckets: the last is for everything slower. */
  readonly buckets: number[]
  sumSeconds: number
}

/**
 * What `/metrics` shows. Labels come from fixed sets only (operation ids, status classes, request states), so that no
 * client can make a new series; nothing names an organization.
 */
export class Metrics {
  readonly #operations = new Map<string, Series>()
  readonly #submissions = new Map<string, number>()
  readonly #startedAt = Date.now()
  #signatures = 0

  /** @param operationId Of the route, or a fixed word where no route matched. */
  observe(operationId: string, status: number, milliseconds: number): void {
    let series = this.#operations.get(operationId)
    if (series === undefined) {
      series = {
        byStatusClass: new Map(),
        buckets: Array.from({ length: BUCKETS_SECONDS.length + 1 }, () => 0),
        sumSeconds: 0,
      }
      this.#operations.set(operationId, series)
    }
    increment(series.byStatusClass, `${Math.trunc(status / 100)}xx`)
    const seconds = milliseconds / 1000
    let bucket = 0
    while (bucket < BUCKETS_SECONDS.length && seconds > (BUCKETS_SECONDS[bucket] ?? 0)) bucket++
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1
    series.sumSeconds += seconds
  }

  /** @param status The state a signing request had when its submission was answered. */
  countSubmission(status: string, signatures: number): void {
    increment(this.#submissions, status)
    this.#signatures += signatures
  }

  /**
   * Prometheus text exposition format, version 0.0.4.
   *
   * @param commits How many commits the store made since the start.
   */
  expose(commits: number): string {
    return [
      ...this.#exposeOperations(),
      ...this.#exposeSigning(),
      ...family('chancery_commits_total', 'counter', 'Commits of the store, each with its fsync.'),
      `chancery_commits_total ${commits}`,
      ...this.#exposeProcess(),
      '',
    ].join('\n')
  }

  #exposeOperations(): string[] {
    const counters: string[] = []
    const histograms: string[] = []
    for (const [operation, { byStatusClass, buckets, sumSeconds }] of this.#operations) {
      for (const [status, count] of byStatusClass) {
        counters.push(
          `chancery_http_requests_total{operation="${operation}",status="${status}"} ${count}`,
        )
      }
      let cumulative = 0
      for (const [index, count] of buckets.entries()) {
        cumulative += count
        const bound = BUCKETS_SECONDS[index] ?? '+Inf'
        histograms.push(
          `chancery_http_request_seconds_bucket{operation="${operation}",le="${bound}"} ${cumulative}`,
        )
      }
      histograms.push(`chancery_http_request_seconds_sum{operation="${operation}"} ${sumSeconds}`)
      histograms.push(`chancery_http_request_seconds_count{operation="${operation}"} ${cumulative}`)
    }
    return [
      ...family(
        'chancery_http_requests_total',
        'counter',
        'HTTP requests by operation and status class.',
      ),
      ...counters,
      ...family(
        'chancery_http_request_seconds',
        'histogram',
        'Time from the first byte of a request to its answer.',
      ),
      ...histograms,
    ]
  }

  #exposeSigning(): string[] {
    return [
      ...family(
        'chancery_submissions_total',
        'counter',
        'Signing requests by their state when the submission was answered.',
      ),
      ...Array.from(
        this.#submissions,
        ([status, count]) => `chancery_submissions_total{status="${status}"} ${count}`,
      ),
      ...family(
        'chancery_submission_signatures_total',
        'counter',
        'Signatures made before a submission was answered.',
      ),
      `chancery_submission_signatures_total ${this.#signatures}`,
    ]
  }

  #exposeProcess(): string[] {
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    return [
      ...family('process_resident_memory_bytes', 'gauge', 'Resident memory.'),
      `process_resident_memory_bytes ${memory.rss}`,
      ...family('nodejs_heap_used_bytes', 'gauge', 'JavaScript heap in use.'),
      `nodejs_heap_used_bytes ${memory.heapUsed}`,
      ...family('process_cpu_seconds_total', 'counter', 'User and system time.'),
      `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
      ...family(
        'process_start_time_seconds',
        'gauge',
        'When the process started, in seconds since 1970.',
      ),
      `process_start_time_seconds ${this.#startedAt / 1000}`,
    ]
  }
}

function family(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
