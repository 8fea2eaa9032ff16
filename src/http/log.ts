/** One answered HTTP request. Nothing of its headers, query string or body is in it. */
export interface AccessRecord {
  readonly requestId: string
  readonly method: string
  /** The route's operation id, or null where none matched. */
  readonly operation: string | null
  /** Without the query string. */
  readonly path: string
  readonly status: number
  readonly milliseconds: number
  /** The user's id, once there is one. */
  readonly principal: string | null
  readonly address: string | null
}

const FLUSH_AFTER_MS = 100
const FLUSH_AT_CHARACTERS = 64 * 1024
const MAX_PATH_LENGTH = 500
const FRAME = /^\s+at /

/**
 * The server's log: JSON lines, gathered and written in blocks.
 *
 * Requests of one tenth of a second, or 64 KiB, go to the writer together; {@link close} writes the rest.
 */
export class Log {
  readonly #write: (lines: string) => void
  #pending = ''
  #timer: NodeJS.Timeout | undefined

  /** @param write Takes whole lines, each with its line feed. */
  constructor(write: (lines: string) => void) {
    this.#write = write
  }

  access(record: AccessRecord): void {
    const path = record.path.slice(0, MAX_PATH_LENGTH)
    // Only the path and the method are the client's own text; the rest needs no escapes.
    this.#add(
      `{"at":"${new Date().toISOString()}","kind":"access","requestId":"${record.requestId}"` +
        `,"method":${JSON.stringify(record.method)},"operation":${quote(record.operation)}` +
        `,"path":${JSON.stringify(path)},"status":${record.status}` +
        `,"ms":${record.milliseconds.toFixed(2)},"principal":${quote(record.principal)}` +
        `,"address":${quote(record.address)}}\n`,
    )
  }

  /**
   * A bug of ours, with where it happened. Messages stay out, those of causes too: they may quote what a client sent.
   */
  bug(requestId: string, thrown: unknown): void {
    const errors = chainOf(thrown).map(describeError)
    this.#add(
      `${JSON.stringify({ at: new Date().toISOString(), kind: 'bug', requestId, errors })}\n`,
    )
    this.#flush()
  }

  /** A dependency that does not answer, with the cause that the client is not told. */
  unavailable(requestId: string, thrown: unknown): void {
    const errors = chainOf(thrown).map(describeError)
    this.#add(
      `${JSON.stringify({ at: new Date().toISOString(), kind: 'unavailable', requestId, errors })}\n`,
    )
  }

  /** What failed in the background, where nobody waits for an answer. @param about As in `the last use of tokens`. */
  background(about: string, thrown: unknown): void {
    const errors = chainOf(thrown).map(describeError)
    this.#add(
      `${JSON.stringify({ at: new Date().toISOString(), kind: 'background', about, errors })}\n`,
    )
    this.#flush()
  }

  /** Writes what is pending. */
  close(): void {
    this.#flush()
  }

  #add(line: string): void {
    this.#pending += line
    if (this.#pending.length >= FLUSH_AT_CHARACTERS) {
      this.#flush()
      return
    }
    this.#timer ??= setTimeout(() => {
      this.#flush()
    }, FLUSH_AFTER_MS).unref()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#pending
    this.#pending = ''
    if (lines !== '') this.#write(lines)
  }
}

function quote(text: string | null): string {
  return text === null ? 'null' : `"${text}"`
}

function chainOf(thrown: unknown): unknown[] {
  const chain: unknown[] = []
  for (let error = thrown; error !== undefined && chain.length < 5;) {
    chain.push(error)
    error = error instanceof Error ? error.cause : undefined
  }
  return chain
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error }
  const frames = (error.stack ?? '').split('\n').filter((line) => FRAME.test(line))
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name: error.constructor.name, code, frames: frames.map((frame) => frame.trim()) }
}
