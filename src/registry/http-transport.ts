import http from 'node:http'
import https from 'node:https'
import tls from 'node:tls'
import { ChanceryError } from '../errors/chancery-error.ts'

/** How long each phase of one HTTP exchange may take, in milliseconds. */
export interface ExchangeTimeouts {
  /** Until the connection stands, TLS included. */
  readonly connectMs: number
  /** From then until the head of the answer is there. */
  readonly answerMs: number
  /** Between two pieces of the body. */
  readonly idleMs: number
  /** The whole exchange, so that an answer cannot drip for ever. */
  readonly totalMs: number
}

/** The timeouts where none are given. */
export const DEFAULT_TIMEOUTS: ExchangeTimeouts = {
  connectMs: 10_000,
  answerMs: 30_000,
  idleMs: 15_000,
  totalMs: 120_000,
}

/** A request's body that is not in memory. */
export interface StreamedBody {
  readonly length: number
  /** Exactly `length` bytes; read once. An error thrown here breaks the request off. */
  readonly chunks: AsyncIterable<Uint8Array>
}

/** One HTTP request. */
export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | StreamedBody
  /** The most bytes of body the answer may have. */
  readonly maxBodyBytes: number
  /** Whether the body of an answer with status 200 is handed out as {@link Answer.stream} instead of being read. */
  readonly isStreamed?: boolean
  readonly signal?: AbortSignal | undefined
}

/** What came back, whatever its status. */
export interface Answer {
  readonly url: URL
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Uint8Array
  /** The body where it was to be streamed, at most `maxBodyBytes`; it has to be read to its end or closed. */
  readonly stream?: AsyncIterable<Uint8Array>
}

/** How {@link HttpTransport} connects. */
export interface HttpTransportOptions {
  readonly timeouts?: Partial<ExchangeTimeouts> | undefined
  /** PEM certificates that are trusted besides those of the system; TLS is always verified. */
  readonly certificateAuthorities?: readonly string[] | undefined
}

const MAX_HEADER_BYTES = 32 * 1024
/** What a streamed body may take besides the total: the slowest connection that is waited for. */
const SLOWEST_BYTES_PER_MS = 16

/**
 * HTTP without opinions: one request, one answer of bounded size and time, connections kept for reuse.
 *
 * Redirects are not followed, no cookie is kept, nothing is decompressed, no proxy is used. May be used concurrently.
 */
export class HttpTransport implements Disposable {
  readonly #timeouts: ExchangeTimeouts
  readonly #plain: http.Agent
  readonly #secure: https.Agent

  constructor(options: HttpTransportOptions = {}) {
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
    this.#plain = new http.Agent({ keepAlive: true, maxSockets: 16 })
    const own = options.certificateAuthorities ?? []
    this.#secure = new https.Agent({
      keepAlive: true,
      maxSockets: 16,
      // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not turn it off.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(own.length === 0 ? {} : { ca: [...tls.getCACertificates('default'), ...own] }),
    })
  }

  /**
   * Sends one request and reads the whole answer.
   *
   * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if there is no connection, no answer in time, or the signal fires.
   * @throws ChanceryError ERR_REGISTRY_CERTIFICATE if the server's certificate is not trusted.
   * @throws ChanceryError ERR_REGISTRY_NO_TLS if there is a server, but none that speaks TLS.
   * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if the body exceeds `maxBodyBytes`.
   * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if the answer is not HTTP, or is compressed.
   */
  send(exchange: Exchange): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const { url, body } = exchange
      const isSecure = url.protocol === 'https:'
      const request = (isSecure ? https : http).request(url, {
        method: exchange.method,
        agent: isSecure ? this.#secure : this.#plain,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          'accept-encoding': 'identity',
          ...exchange.headers,
          ...(body === undefined ? {} : { 'content-length': String(body.length) }),
        },
      })
      const isUpload = body !== undefined && !(body instanceof Uint8Array)
      const watch = new Watch(exchange, this.#timeouts, (error) => {
        request.destroy()
        reject(error)
      })
      request.once('socket', (socket) => {
        // While a body is sent piece by piece it is not the answer that is waited for.
        const onConnected = (): void => (isUpload ? watch.rest() : watch.expect('answer'))
        if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', onConnected)
        else onConnected()
      })
      request.once('error', (cause) => watch.fail(asTransportError(url, cause)))
      request.once('response', (response) => {
        watch.expect('idle')
        if (exchange.isStreamed === true && response.statusCode === 200) {
          const stream = streamBody(exchange, response, watch)
          const { statusCode: status, headers } = response
          resolve({ url, status, headers, body: new Uint8Array(), stream })
          return
        }
        readBody(exchange, response, watch, (answer) => {
          watch.finish()
          resolve(answer)
        })
      })
      if (isUpload) sendChunks(request, body, watch)
      else request.end(body)
    })
  }

  /** Closes the idle connections; those in use break. */
  [Symbol.dispose](): void {
    this.#plain.destroy()
    this.#secure.destroy()
  }
}

type Phase = 'connect' | 'answer' | 'idle'

const PHASE_FAILURES: Readonly<Record<Phase, string>> = {
  connect: 'did not accept a connection',
  answer: 'did not answer',
  idle: 'stopped sending',
}

/** The timers of one exchange; fails it at most once. */
class Watch {
  readonly #exchange: Exchange
  readonly #timeouts: ExchangeTimeouts
  readonly #onFailure: (error: ChanceryError) => void
  readonly #total: NodeJS.Timeout
  #phase: NodeJS.Timeout | undefined
  #isDone = false
  /** Why the exchange failed. */
  failure: ChanceryError | undefined

  constructor(
    exchange: Exchange,
    timeouts: ExchangeTimeouts,
    onFailure: (error: ChanceryError) => void,
  ) {
    this.#exchange = exchange
    this.#timeouts = timeouts
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
    const timeoutMs = this.#timeouts[`${phase}Ms`]
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
    this.fail(new ChanceryError('ERR_REGISTRY_UNAVAILABLE', message, { cause: signal?.reason }))
  }

  #tooLate(what: string, timeoutMs: number): ChanceryError {
    return new ChanceryError(
      'ERR_REGISTRY_UNAVAILABLE',
      `${this.#exchange.url.host} ${what} within ${timeoutMs / 1000} s`,
      { hints: ['Try again; if it stays so, look at the registry or the network between.'] },
    )
  }
}

function readBody(
  exchange: Exchange,
  response: http.IncomingMessage,
  watch: Watch,
  onAnswer: (answer: Answer) => void,
): void {
  const { url, maxBodyBytes } = exchange
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    watch.fail(badAnswer(url, 'expected an answer without compression, which was not asked for'))
    return
  }
  const announced = Number(response.headers['content-length'] ?? 0)
  if (exchange.method !== 'HEAD' && announced > maxBodyBytes) {
    watch.fail(tooLarge(url, maxBodyBytes))
    return
  }
  const pieces: Uint8Array[] = []
  let length = 0
  response.on('data', (piece: Uint8Array) => {
    watch.expect('idle')
    length += piece.length
    if (length > maxBodyBytes) watch.fail(tooLarge(url, maxBodyBytes))
    else pieces.push(piece)
  })
  response.once('error', (cause) => watch.fail(asTransportError(url, cause)))
  response.once('end', () => {
    onAnswer({
      url,
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(pieces),
    })
  })
}

function streamedBytes({ body, isStreamed, maxBodyBytes }: Exchange): number {
  const sent = body === undefined || body instanceof Uint8Array ? 0 : body.length
  return sent + (isStreamed === true ? maxBodyBytes : 0)
}

/** Sends a body piece by piece, no faster than it is taken. */
function sendChunks(request: http.ClientRequest, body: StreamedBody, watch: Watch): void {
  const send = async (): Promise<void> => {
    for await (const chunk of body.chunks) {
      if (watch.failure !== undefined || request.destroyed) return
      if (request.write(chunk)) continue
      watch.expect('idle')
      await untilDrained(request)
      watch.rest()
    }
    watch.expect('answer')
    request.end()
  }
  send().catch((error: unknown) => {
    if (error instanceof ChanceryError) watch.fail(error)
    // What is no error of ours breaks the request off and is told as its error.
    else request.destroy(error instanceof Error ? error : new Error('the body ended early'))
  })
}

function untilDrained(request: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const onEnd = (): void => {
      request.off('drain', onEnd)
      request.off('close', onEnd)
      resolve()
    }
    request.on('drain', onEnd)
    request.on('close', onEnd)
  })
}

/** The body as it comes, with the clock running only while the other side is waited for. */
async function* streamBody(
  exchange: Exchange,
  response: http.IncomingMessage,
  watch: Watch,
): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      watch.rest()
      length += piece.length
      if (length > exchange.maxBodyBytes) throw tooLarge(exchange.url, exchange.maxBodyBytes)
      yield piece
      watch.expect('idle')
    }
  } catch (error) {
    if (error instanceof ChanceryError) throw error
    throw watch.failure ?? asTransportError(exchange.url, error as Error)
  } finally {
    watch.finish()
    response.destroy()
  }
}

function tooLarge(url: URL, maxBodyBytes: number): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_TOO_LARGE',
    `expected at most ${maxBodyBytes} bytes from ${url.host}, and it sent more`,
  )
}

function badAnswer(url: URL, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_BAD_ANSWER', `${url.host}: ${reason}`, {
    cause,
    hints: ['Check that the name and port are those of a registry, not of another web server.'],
  })
}

const UNTRUSTED_CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_PURPOSE|INVALID_CA|PATH_LENGTH|ERR_TLS_CERT)/

function asTransportError(url: URL, cause: Error): ChanceryError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  if (UNTRUSTED_CERTIFICATE.test(code)) {
    return new ChanceryError(
      'ERR_REGISTRY_CERTIFICATE',
      `the TLS certificate of ${url.host} is not trusted (${code})`,
      { cause, hints: ["Name the certificate of the registry's own CA with --registry-cacert."] },
    )
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return new ChanceryError('ERR_REGISTRY_NO_TLS', `${url.host} does not speak TLS as expected`, {
      cause,
      hints: ['If this registry is to be spoken to by plain http, say --allow-http-registry.'],
    })
  }
  if (code.startsWith('HPE_')) return badAnswer(url, 'expected an HTTP answer', cause)
  return new ChanceryError(
    'ERR_REGISTRY_UNAVAILABLE',
    `${url.host} cannot be reached${code === '' ? '' : ` (${code})`}`,
    { cause, hints: ['Check the name, the port and the network; then try again.'] },
  )
}
