import { connect, type Socket } from 'node:net'
import type { Answered, Load, LoadResult, Prepare } from './http-load.ts'

/*
 * The load generator's process: connections that each send a prebuilt request, wait for the whole answer, and send the
 * next one. Of an answer only the status and the Content-Length are read.
 */

const BUFFER_BYTES = 64 * 1024
const HEADERS_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = 'content-length: '
const SAMPLE_EVERY = 97
const MAX_SAMPLES = 8
const MOST_PER_SECOND = 200_000

interface Round {
  readonly port: number
  readonly requests: readonly Uint8Array[]
  readonly latenciesMs: Float64Array
  readonly samples: Answered[]
  sent: number
  answered: number
  failures: number
  firstFailure: string | null
  isOver: boolean
}

/** One keep-alive connection, with one request under way. */
class Connection {
  readonly #round: Round
  readonly #socket: Socket
  #held: Buffer | undefined
  #request = 0
  #sentAt = 0

  constructor(round: Round, onEnd: () => void) {
    this.#round = round
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    const callback = (length: number): boolean => {
      this.#receive(buffer.subarray(0, length))
      return true
    }
    this.#socket = connect({
      host: '127.0.0.1',
      port: round.port,
      noDelay: true,
      onread: { buffer, callback },
    })
    this.#socket.once('connect', () => {
      this.#send()
    })
    this.#socket.on('error', (error) => {
      this.#fail(error.message)
    })
    this.#socket.once('close', () => {
      if (!round.isOver) this.#fail('the server closed the connection')
      onEnd()
    })
  }

  #send(): void {
    const round = this.#round
    this.#request = round.sent++ % round.requests.length
    this.#sentAt = performance.now()
    this.#socket.write(round.requests[this.#request]!)
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    const headersEnd = bytes.indexOf(HEADERS_END)
    const head = headersEnd === -1 ? '' : bytes.toString('latin1', 0, headersEnd)
    const start = headersEnd + HEADERS_END.length
    const end = start + contentLength(head)
    if (headersEnd === -1 || bytes.length < end) {
      this.#held = Buffer.from(bytes)
      return
    }
    this.#held = undefined
    this.#count(head, bytes, start, end)
    if (this.#round.isOver) this.#socket.end()
    else this.#send()
  }

  #count(head: string, bytes: Buffer, start: number, end: number): void {
    const round = this.#round
    round.latenciesMs[round.answered] = performance.now() - this.#sentAt
    round.answered++
    const isSuccess = head[9] === '2'
    if (!isSuccess) {
      this.#fail(`${head.slice(0, head.indexOf('\r'))} ${bytes.toString('utf8', start, end)}`)
    } else if (round.answered % SAMPLE_EVERY === 1 && round.samples.length < MAX_SAMPLES) {
      round.samples.push({ request: this.#request, body: bytes.toString('utf8', start, end) })
    }
  }

  #fail(what: string): void {
    this.#round.failures++
    this.#round.firstFailure ??= what
  }
}

/** Of `content-length: <digits>`; 0 where there is none. */
function contentLength(head: string): number {
  const at = head.indexOf(CONTENT_LENGTH)
  return at === -1 ? 0 : parseInt(head.slice(at + CONTENT_LENGTH.length), 10)
}

const prepared = new Map<string, readonly Uint8Array[]>()

async function run({ workload, port, connections, seconds }: Load): Promise<LoadResult> {
  const round: Round = {
    port,
    requests: prepared.get(workload) ?? [],
    latenciesMs: new Float64Array(Math.ceil(seconds * MOST_PER_SECOND)),
    samples: [],
    sent: 0,
    answered: 0,
    failures: 0,
    firstFailure: null,
    isOver: false,
  }
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  setTimeout(() => {
    round.isOver = true
  }, seconds * 1000)
  await Promise.all(
    Array.from(
      { length: connections },
      () => new Promise<void>((resolve) => new Connection(round, resolve)),
    ),
  )
  const { user, system } = process.cpuUsage(cpu)
  const { answered, failures, firstFailure, samples } = round
  return {
    answered,
    failures,
    firstFailure,
    samples,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (user + system) / 1e6,
    latenciesMs: round.latenciesMs.slice(0, answered),
  }
}

process.on('message', (message: Prepare | Load) => {
  if ('requests' in message) prepared.set(message.workload, message.requests)
  else void run(message).then((result) => process.send?.(result))
})
