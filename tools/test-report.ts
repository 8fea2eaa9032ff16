import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { absencesOf } from '../test/support/components.ts'

/** One thing that went wrong, as it is printed. */
interface Failure {
  readonly file: string
  readonly title: string
  readonly text: string
}

interface FileRecord {
  failures: number
  /** What the file's process printed, both streams. */
  output: string
}

/** How strict the report is. */
export interface TestReportOptions {
  /** Paths are printed relative to it. */
  readonly root: string
  /** Every test has to run: a skip counts as a failure unless `mayBeAbsent` says its component. */
  readonly nothingSkipped: boolean
  /** Whether the component, by the reason of its absence, may be absent even so. */
  readonly mayBeAbsent: (reason: string) => boolean
  /** Takes a line without its line feed. */
  readonly write: (line: string) => void
}

type EventOf<T extends TestEvent['type']> = Extract<TestEvent, { type: T }>['data']
type Ended = EventOf<'test:pass'> | EventOf<'test:fail'>
/** Fields that the runner gives to all events and its type declarations to few. */
interface Located {
  readonly file?: string | undefined
  readonly entryFile?: string | undefined
  readonly testId?: number | undefined
  readonly parentId?: number | undefined
}

const outputLimit = 6_000
const slowestShown = 5
const framesShown = 5

/**
 * Reads the events of a test run and tells what matters of them: a line for each file, every
 * failure with its place and difference, the slowest files, what was not tried, and the totals.
 */
export class TestReport {
  passed = 0
  failed = 0
  readonly #options: TestReportOptions
  readonly #names = new Map<string, { name: string; parent: string }>()
  readonly #files = new Map<string, FileRecord>()
  readonly #failures: Failure[] = []
  readonly #durations: { file: string; durationMs: number }[] = []
  /** By the reason of an absent component, then by file: titles. */
  readonly #notTried = new Map<string, Map<string, string[]>>()

  constructor(options: TestReportOptions) {
    this.#options = options
  }

  /** Takes the next event of the run. */
  add(event: TestEvent): void {
    if (event.type === 'test:enqueue') this.#enqueue(event.data)
    if (event.type === 'test:stdout') this.#keepOutput(event.data)
    if (event.type === 'test:stderr') this.#keepOutput(event.data)
    if (event.type === 'test:diagnostic') this.#keepDiagnostic(event.data)
    if (event.type === 'test:pass') this.#pass(event.data)
    if (event.type === 'test:fail') this.#fail(event.data)
    if (event.type === 'test:complete') this.#complete(event.data)
    if (event.type === 'test:summary') this.#summarize(event.data)
  }

  /** Prints what is known at the end; the totals only when a test or a file was judged. */
  finish(): void {
    const { write } = this.#options
    for (const failure of this.#failures) {
      write('')
      write(`FAILED ${failure.file}: ${failure.title}`)
      write(indent(failure.text))
    }
    for (const [file, record] of this.#files) {
      if (record.failures === 0 || record.output.trim() === '') continue
      write('')
      write(`printed by ${file}:`)
      write(indent(record.output.slice(-outputLimit).trimEnd()))
    }
    if (this.passed + this.failed === 0) {
      write('no test ran')
      return
    }
    write('')
    this.#durations.sort((a, b) => b.durationMs - a.durationMs)
    write('slowest files:')
    for (const { file, durationMs } of this.#durations.slice(0, slowestShown)) {
      write(`  ${(durationMs / 1000).toFixed(1).padStart(6)} s  ${file}`)
    }
    write('')
    write(`${this.passed} passed, ${this.failed} failed`)
    for (const [reason, files] of this.#notTried) {
      write('')
      write(`${reason}, therefore not tried:`)
      for (const [file, titles] of files) write(indent(`${file}: ${titles.join('; ')}`))
    }
  }

  #enqueue(data: EventOf<'test:enqueue'>): void {
    const located = data as Located
    if (located.entryFile === undefined) return
    const file = located.entryFile
    this.#names.set(`${file}#${located.testId}`, {
      name: data.name,
      parent: `${file}#${located.parentId}`,
    })
  }

  #keepOutput(data: EventOf<'test:stdout'>): void {
    const record = this.#record(fileOf(data))
    record.output = (record.output + data.message).slice(-2 * outputLimit)
  }

  /** What happened after a test's end is told here, and nowhere else. */
  #keepDiagnostic(data: EventOf<'test:diagnostic'>): void {
    if (data.file === undefined || !data.message.includes('after the test')) return
    this.#record(data.file).output += `${data.message}\n`
  }

  #pass(data: EventOf<'test:pass'>): void {
    if ((data as Located).entryFile === undefined) {
      this.#note(data, 'the file has no tests', 'A test file tests something.')
      return
    }
    if (data.todo !== undefined) {
      this.#note(data, this.#title(data), 'marked as todo: an unwritten test is no test')
    } else if (data.skip !== undefined) {
      this.#skip(data)
    } else if (data.details.type !== 'suite') {
      this.passed++
    }
  }

  #skip(data: EventOf<'test:pass'>): void {
    const title = this.#title(data)
    const reason = typeof data.skip === 'string' ? data.skip : ''
    const absences = absencesOf(reason)
    if (absences.length === 0) {
      this.#note(data, title, `skipped without an absent component as the reason: ${reason}`)
    } else if (this.#options.nothingSkipped && !absences.every(this.#options.mayBeAbsent)) {
      this.#note(data, title, `skipped where everything is required: ${reason}`)
    } else {
      for (const absence of absences) this.#noteNotTried(absence, this.#path(fileOf(data)), title)
    }
  }

  #noteNotTried(absence: string, file: string, title: string): void {
    const files = this.#notTried.get(absence) ?? new Map<string, string[]>()
    this.#notTried.set(absence, files)
    files.set(file, [...(files.get(file) ?? []), title])
  }

  #fail(data: EventOf<'test:fail'>): void {
    const located = data as Located
    const error = data.details.error as Error & { failureType?: string }
    const ofSubtests = error.failureType === 'subtestsFailed'
    if (data.details.type === 'suite' && ofSubtests) return
    if (located.entryFile === undefined) {
      const text = `its process failed: ${error.message}`
      this.#note(data, 'outside of any test', text)
    } else if (ofSubtests) {
      this.#note(data, this.#title(data), error.message)
    } else {
      this.#note(data, this.#title(data), describe(error, this.#options.root))
    }
  }

  #complete(data: EventOf<'test:complete'>): void {
    const located = data as Located
    if (located.entryFile !== undefined) return
    const file = fileOf(located)
    const durationMs = data.details.duration_ms
    this.#durations.push({ file: this.#path(file), durationMs })
  }

  #summarize(data: EventOf<'test:summary'>): void {
    if (data.file === undefined) return
    const verdict = data.success ? 'ok    ' : 'FAILED'
    this.#options.write(`${verdict} ${this.#path(data.file)} (${data.counts.tests})`)
  }

  #note(data: Ended, title: string, text: string): void {
    this.failed++
    const file = fileOf(data)
    this.#record(file).failures++
    this.#failures.push({ file: `${this.#path(file)}:${data.line ?? 1}`, title, text })
  }

  #title(data: Ended): string {
    const located = data as Located
    const names: string[] = []
    let key = `${located.entryFile}#${located.testId}`
    for (let at = this.#names.get(key); at !== undefined; at = this.#names.get(key)) {
      names.unshift(at.name)
      key = at.parent
    }
    return names.length === 0 ? data.name : names.join(' > ')
  }

  #record(file: string): FileRecord {
    const key = this.#path(file)
    const record = this.#files.get(key) ?? { failures: 0, output: '' }
    this.#files.set(key, record)
    return record
  }

  #path(file: string): string {
    return relative(this.#options.root, file)
  }
}

function fileOf(located: Located): string {
  return located.entryFile ?? located.file ?? ''
}

/** The messages of an error and its causes (they have the differences), and our part of the stack. */
function describe(error: Error, root: string): string {
  const lines: string[] = []
  // The outermost error is the runner's own, and says what its cause says.
  for (let at: unknown = error.cause ?? error; at instanceof Error; at = at.cause) {
    const code = (at as { code?: unknown }).code
    const name = typeof code === 'string' && code !== 'ERR_ASSERTION' ? `${code}: ` : ''
    lines.push(`${lines.length === 0 ? '' : 'caused by: '}${name}${at.message}`)
    lines.push(...framesOf(at, root).slice(0, framesShown))
  }
  return lines.length === 0 ? error.message : lines.join('\n')
}

function framesOf(error: Error, root: string): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && line.includes(root))
    .filter((line) => !line.includes('node_modules'))
    .map((line) => line.replace(`file://${root}/`, '').replace(`${root}/`, ''))
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
