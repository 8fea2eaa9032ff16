/**
 * `npm test`: every `*.test.ts` below src/ and test/, each file in a process of its own.
 *
 * Arguments choose files: those whose path, relative to the current directory, begins with one of
 * them. The exit status is 0 when at least one test ran and nothing failed.
 */
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, normalize } from 'node:path'
import { run } from 'node:test'
import type { TestEvent } from 'node:test/reporters'
import { isOutOfReach } from '../test/support/components.ts'
import { TestReport } from './test-report.ts'

const fileTimeoutMs = 30 * 60_000

const root = process.cwd()
const write = (line: string): void => void process.stdout.write(`${line}\n`)
const filters = process.argv.slice(2).map((one) => normalize(one))
const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root }).sort()
const idle = filters.filter((one) => !all.some((file) => file.startsWith(one)))
const files = all.filter(
  (file) => filters.length === 0 || filters.some((one) => file.startsWith(one)),
)

if (idle.length > 0) {
  write(`no test file begins with ${idle.join(', ')}`)
  process.exitCode = 2
} else if (files.length === 0) {
  write('there is no test file')
  process.exitCode = 1
} else {
  const report = new TestReport({
    root,
    nothingSkipped: (process.env['CHANCERY_REQUIRE'] ?? '').split(',').includes('all'),
    mayBeAbsent: isOutOfReach,
    write,
  })
  const events: AsyncIterable<TestEvent> = run({
    files: files.map((file) => join(root, file)),
    concurrency: availableParallelism(),
    timeout: fileTimeoutMs,
  })
  for await (const event of events) report.add(event)
  report.finish()
  if (report.failed > 0 || report.passed === 0) process.exitCode = 1
}
