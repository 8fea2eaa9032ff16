import http from 'node:http'
import https from 'node:https'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import { ExchangeWatch } from './exchange-watch.ts'
import { HttpAgents, type HttpAgentsOptions } from './http-agents.ts'
import { asTransportError, badHttp, tooLarge } from './transport-errors.ts'

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
const DEFAULT_TIMEOUTS: ExchangeTimeouts = {
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
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | StreamedBody
  /** The most bytes of body the answer may have. */
  readonly maxBodyBytes: number
  /** What the body of an answer with status 200 is counted against while it comes, besides; not where it is streamed. */
  readonly allowance?: ByteAllowance | undefined
  /** Whether the body of an answer with status 200 is handed out as {@link Answer.stream} instead of being read. */
  readonly isStreamed?: boolean
  /** Whether the registry itself is spoken to, and may see our client certificate. */
  readonly isOwnHost?: boolean
  /** The longest wait for a connection, an answer or a piece of it, if less than the timeouts say. */
  readonly maxWaitMs?: number
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
export interface HttpTransportOptions extends HttpAgentsOptions {
  readonly timeouts?: Partial<ExchangeTimeouts> | undefined
}

const MAX_HEADER_BYTES = 32 * 1024

/**
 * HTTP without opinions: one request, one answer of bounded size and time, connections kept for reuse.
 *
 * Redirects are not followed, no cookie is kept, nothing is decompressed. May be used concurrently.
 */
export class HttpTransport implements Disposable {
  readonly #timeouts: ExchangeTimeouts
  readonly #agents: HttpAgents

  /** @throws ChanceryError ERR_REGISTRY_PROXY if the proxies cannot be read. */
  constructor(options: HttpTransportOptions = {}) {
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
    this.#agents = new HttpAgents(options)
  }

  /**
   * Sends one request and reads the whole answer.
   *
   * @throws ChanceryError ERR_REGISTRY_UNAVAILABLE if there is no connection, no answer in time, or the signal fires.
   * @throws ChanceryError ERR_REGISTRY_PROXY, ERR_REGISTRY_CREDENTIALS if there is a proxy, or a client certificate, that
   * cannot be used; ERR_REGISTRY_UNAUTHORIZED if the server wants another certificate.
   * @throws ChanceryError ERR_REGISTRY_CERTIFICATE if the server's certificate is not trusted.
   * @throws ChanceryError ERR_REGISTRY_NO_TLS if there is a server, but none that speaks TLS.
   * @throws ChanceryError ERR_REGISTRY_TOO_LARGE if the body exceeds `maxBodyBytes`; ERR_REGISTRY_ATTACHED_SIZE if it
   * exceeds the allowance.
   * @throws ChanceryError ERR_REGISTRY_BAD_ANSWER if the answer is not HTTP, or is compressed.
   */
  async send(exchange: Exchange): Promise<Answer> {
    const agent = await this.#agents.find(exchange.url, exchange.isOwnHost ?? false)
    return this.#sendBy(agent, exchange)
  }

  #sendBy(agent: http.Agent, exchange: Exchange): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const { url, body } = exchange
      const proxyHost = this.#agents.findProxyHost(url)
      const isSecure = url.protocol === 'https:'
      const request = (isSecure ? https : http).request(url, {
        method: exchange.method,
        agent,
        // Tunnels through a proxy are given up by the agent itself, which alone can close them.
        timeout: Math.min(this.#timeouts.connectMs, exchange.maxWaitMs ?? Infinity),
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          'accept-encoding': 'identity',
          ...exchange.headers,
          ...(body === undefined ? {} : { 'content-length': String(body.length) }),
        },
      })
      const isUpload = body !== undefined && !(body instanceof Uint8Array)
      const watch = new ExchangeWatch(exchange, this.#timeouts, proxyHost, (error) => {
        request.destroy()
        reject(error)
      })
      request.once('socket', (socket) => {
        // While a body is sent piece by piece it is not the answer that is waited for; a short one may be sent by now.
        const isSending = (): boolean => isUpload && !request.writableEnded
        const onConnected = (): void => (isSending() ? watch.rest() : watch.expect('answer'))
        if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', onConnected)
        else onConnected()
      })
      request.once('error', (cause: Error) => watch.fail(asTransportError(url, cause, proxyHost)))
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
    this.#agents[Symbol.dispose]()
  }
}

function readBody(
  exchange: Exchange,
  response: http.IncomingMessage,
  watch: ExchangeWatch,
  onAnswer: (answer: Answer) => void,
): void {
  const { url, maxBodyBytes } = exchange
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    watch.fail(badHttp(url, 'expected an answer without compression, which was not asked for'))
    return
  }
  const announced = Number(response.headers['content-length'] ?? 0)
  if (exchange.method !== 'HEAD' && announced > maxBodyBytes) {
    watch.fail(tooLarge(url, maxBodyBytes))
    return
  }
  const allowance = response.statusCode === 200 ? exchange.allowance : undefined
  const mayGoOn = (check: () => void): boolean => {
    try {
      check()
      return true
    } catch (error) {
      watch.fail(error as ChanceryError)
      return false
    }
  }
  if (!mayGoOn(() => allowance?.requireRoom(announced))) return
  const pieces: Uint8Array[] = []
  let length = 0
  response.on('data', (piece: Uint8Array) => {
    watch.expect('idle')
    length += piece.length
    if (length > maxBodyBytes) watch.fail(tooLarge(url, maxBodyBytes))
    else if (mayGoOn(() => allowance?.take(piece.length))) pieces.push(piece)
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

/** Sends a body piece by piece, no faster than it is taken. */
function sendChunks(request: http.ClientRequest, body: StreamedBody, watch: ExchangeWatch): void {
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
  watch: ExchangeWatch,
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
