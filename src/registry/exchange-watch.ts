import { ChanceryError } from '../errors/chancery-error.ts'
import type { Exchange, ExchangeTimeouts } from './http-transport.ts'
import { nameOf } from './transport-errors.ts'

/** What a streamed body may take besides the total: the slowest connection that is waited for. */
const SLOWEST_BYTES_PER_MS = 16

type Phase = 'connect' | 'answer' | 'idle'

const PHASE_FAILURES: Readonly<Record<Phase, string>> = {
  connect: 'did not accept a connection',
  answer: 'did not answer',
  idle: 'stopped sending',
}

/** The timers of one exchange; fails it at most once. */
export class ExchangeWatch {
  readonly #exchange: Exchange
  readonly #timeouts: ExchangeTimeouts
  readonly #proxyHost: string | undefined
  readonly #onFailure: (error: ChanceryError) => void
  readonly #total: NodeJS.Timeout
  #phase: NodeJS.Timeout | undefined
  #isDone = false
  /** Why the exchange failed. */
  failure: ChanceryError | undefined

  /** @param proxyHost The proxy that is between, without its password. */
  constructor(
    exchange: Exchange,
    timeouts: ExchangeTimeouts,
    proxyHost: string | undefined,
    onFailure: (error: ChanceryError) => void,
  ) {
    this.#exchange = exchange
    this.#timeouts = timeouts
    this.#proxyHost = proxyHost
    this.#onFailure = onFailure
    const totalMs = timeouts.totalMs + streamedBytes(exchange) / SLOWEST_BYTES_PER_MS
    this.#total = setTimeout(
      () => this.fail(this.#tooLate('did not finish its answer', totalMs)),
      totalMs,
    )
    this.expect('connect')
    exchange.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (exchange.signal?.aborted === true) this.#onAbort()
  }

  /** Starts the clock of a phase, and stops that of the one before. */
  expect(phase: Phase): void {
    clearTimeout(this.#phase)
    if (this.#isDone) return
    const timeoutMs = Math.min(this.#timeouts[`${phase}Ms`], this.#exchange.maxWaitMs ?? Infinity)
    this.#phase = setTimeout(
      () => this.fail(this.#tooLate(PHASE_FAILURES[phase], timeoutMs)),
      timeoutMs,
    )
  }

  /** Stops the clock of the phase: it is not the other side that is waited for. */
  rest(): void {
    clearTimeout(this.#phase)
  }

  fail(error: ChanceryError): void {
    if (this.#isDone) return
    this.finish()
    this.failure = error
    this.#onFailure(error)
  }

  finish(): void {
    this.#isDone = true
    clearTimeout(this.#phase)
    clearTimeout(this.#total)
    this.#exchange.signal?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    const { signal, url } = this.#exchange
    const message = `the request to ${url.host} was given up before it was answered`
    const cause: unknown = signal?.reason
    const isTimeout = cause instanceof Error && cause.name === 'TimeoutError'
    const hints = isTimeout ? ['The whole command may take longer with --timeout.'] : []
    this.fail(new ChanceryError('ERR_REGISTRY_UNAVAILABLE', message, { cause, hints }))
  }

  #tooLate(what: string, timeoutMs: number): ChanceryError {
    return new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `${nameOf(this.#exchange.url, this.#proxyHost)} ${what} within ${Math.round(timeoutMs / 100) / 10} s`,
      { hints: ['Try again; if it stays so, look at the registry or the network between.'] },
    )
  }
}

function streamedBytes({ body, isStreamed, maxBodyBytes }: Exchange): number {
  const sent = body === undefined || body instanceof Uint8Array ? 0 : body.length
  return sent + (isStreamed === true ? maxBodyBytes : 0)
}
