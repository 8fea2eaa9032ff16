import { randomBytes } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import { errorFromProblem } from './problem.ts'

/** How calls are made. */
export interface TransportOptions {
  /** As {@link parseServerUrl} returns it. */
  readonly serverUrl: string
  /** The API token, or `<API token>:<trusted build system token>`; visible ASCII. */
  readonly token: string
  readonly userAgent: string
  /** For one attempt, from the call to the last byte of the answer. */
  readonly timeoutMs: number
  /** After the first attempt. */
  readonly maxRetries: number
  readonly maxResponseBytes: number
  /** Ends every call and every pause between attempts. */
  readonly signal?: AbortSignal | undefined
  /** The proxy that `fetch` goes through, for errors. */
  readonly proxyHost?: string | undefined
  /** For warnings and progress: a call is repeated. */
  readonly onRetry?: ((reason: string, delayMs: number) => void) | undefined
}

/** One call. */
export interface Call {
  readonly method: 'GET' | 'POST'
  /** Below the server URL, starting with a slash. */
  readonly path: string
  readonly body?: { readonly contentType: string; readonly bytes: Uint8Array } | undefined
  /** Makes a POST safe to repeat. */
  readonly idempotencyKey?: string | undefined
  readonly accept: string
}

/** An answer with a status of 200 to 299. */
export interface Answer {
  readonly status: number
  readonly mediaType: string
  /** From `Content-Disposition`, its last path segment; undefined where there is none. */
  readonly fileName: string | undefined
  readonly bytes: Uint8Array
}

const RETRIED = new Set([429, 502, 503, 504])
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 15_000

/**
 * Carries calls over HTTP with `fetch`. May be used concurrently.
 *
 * A call that ends in 429, 502, 503, 504 or no answer is repeated where that cannot do a thing twice: a GET, a POST
 * with an idempotency key, and every POST that 429 turned away or that never got a connection. Redirects are refused:
 * the token is for this server.
 */
export class Transport {
  readonly #options: TransportOptions

  constructor(options: TransportOptions) {
    if (!/^[\x21-\x7e]{1,4096}$/.test(options.token)) {
      throw new ChanceryError(
        'ERR_CLIENT_TOKEN',
        'expected an API token: visible ASCII characters without spaces',
        { field: 'token' },
      )
    }
    this.#options = options
  }

  /**
   * @throws ChanceryError the server's own code for an error answer; ERR_CLIENT_UNREACHABLE, ERR_CLIENT_TIMEOUT,
   *   ERR_CLIENT_RESPONSE or ERR_CLIENT_TOO_LARGE where no usable answer came.
   */
  async send(call: Call): Promise<Answer> {
    const isRepeatable = call.method === 'GET' || call.idempotencyKey !== undefined
    for (let retry = 0; ; retry++) {
      const outcome = await this.#attempt(call)
      if (!('error' in outcome)) return outcome
      const mayRetry = isRepeatable ? outcome.isTransient : outcome.wasNotReceived
      if (!mayRetry || retry >= this.#options.maxRetries) throw outcome.error
      const delayMs = delayBefore(retry, outcome.retryAfterMs)
      this.#options.onRetry?.(outcome.error.message, delayMs)
      await pause(delayMs, this.#options.signal)
    }
  }

  async #attempt(call: Call): Promise<Answer | Failure> {
    const { serverUrl, token, userAgent, timeoutMs, signal } = this.#options
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(`${serverUrl}${call.path}`, {
        method: call.method,
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        headers: {
          accept: call.accept,
          authorization: `Bearer ${token}`,
          'user-agent': userAgent,
          ...(call.body === undefined ? {} : { 'content-type': call.body.contentType }),
          ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
        },
        ...(call.body === undefined ? {} : { body: call.body.bytes as Uint8Array<ArrayBuffer> }),
      })
      const bytes = await this.#readBody(response)
      return this.#judge(response, bytes)
    } catch (thrown) {
      return this.#failureOf(thrown, timeout)
    }
  }

  #judge(response: Response, bytes: Uint8Array): Answer | Failure {
    const { status, headers } = response
    if (status >= 200 && status < 300) {
      const mediaType = (headers.get('content-type') ?? '').split(';')[0] ?? ''
      return {
        status,
        mediaType: mediaType.trim().toLowerCase(),
        fileName: fileNameOf(headers.get('content-disposition')),
        bytes,
      }
    }
    if (status >= 300 && status < 400) {
      throw new ChanceryError(
        'ERR_CLIENT_RESPONSE',
        `expected an answer, found a redirect (${status})`,
        {
          hints: ['Give the address the server really has: the API token is not sent elsewhere.'],
        },
      )
    }
    return {
      error: errorFromProblem(status, bytes),
      isTransient: RETRIED.has(status),
      wasNotReceived: status === 429,
      retryAfterMs: retryAfter(headers.get('retry-after')),
    }
  }

  async #readBody(response: Response): Promise<Uint8Array> {
    const limit = this.#options.maxResponseBytes
    const chunks: Uint8Array[] = []
    let length = 0
    // Leaving the loop by an error cancels the stream.
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      length += chunk.length
      if (length > limit) {
        throw new ChanceryError(
          'ERR_CLIENT_TOO_LARGE',
          `expected at most ${limit} bytes in the answer`,
        )
      }
      chunks.push(chunk)
    }
    return new Uint8Array(Buffer.concat(chunks))
  }

  #failureOf(thrown: unknown, timeout: AbortSignal): Failure {
    const { serverUrl, timeoutMs, signal, proxyHost } = this.#options
    const server = proxyHost === undefined ? serverUrl : `${serverUrl}, through ${proxyHost},`
    if (thrown instanceof ChanceryError) {
      return { error: thrown, isTransient: false, wasNotReceived: false }
    }
    if (signal?.aborted === true) {
      const error = canceled(signal.reason)
      return { error, isTransient: false, wasNotReceived: false }
    }
    if (timeout.aborted) {
      const message = `expected ${server} to answer within ${timeoutMs} ms`
      const error = new ChanceryError('ERR_CLIENT_TIMEOUT', message, { cause: thrown })
      return { error, isTransient: true, wasNotReceived: false }
    }
    // fetch says everything that goes wrong on the network with a TypeError whose cause has the system's code.
    const inner = thrown instanceof TypeError ? thrown.cause : undefined
    if (inner === undefined) throw thrown
    const status = tunnelStatusOf(inner)
    const code = systemCodeOf(inner)
    const found = status === undefined ? (code ?? 'a broken connection') : `${status} of the proxy`
    const error = new ChanceryError(
      'ERR_CLIENT_UNREACHABLE',
      `expected ${server} to answer, found ${found}`,
      { cause: thrown, hints: proxyHost === undefined ? hintsOfCode(code) : hintsOfProxy(status) },
    )
    // A proxy that refuses a tunnel goes on refusing; one that failed may recover.
    const isTransient = status === undefined || status >= 500
    const wasNotReceived = status !== undefined || (code !== undefined && NEVER_SENT.has(code))
    return { error, isTransient, wasNotReceived }
  }
}

interface Failure {
  readonly error: ChanceryError
  /** A repetition may succeed. */
  readonly isTransient: boolean
  /** The server certainly did nothing. */
  readonly wasNotReceived: boolean
  readonly retryAfterMs?: number | undefined
}

const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

function systemCodeOf(thrown: unknown): string | undefined {
  // Several addresses were tried: the first one's code stands for all.
  if (thrown instanceof AggregateError) return systemCodeOf(thrown.errors[0])
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** What a proxy answered instead of a tunnel; `fetch` has it in the text of a cause only. */
function tunnelStatusOf(thrown: unknown): number | undefined {
  const causes = thrown instanceof Error ? [thrown, thrown.cause] : []
  for (const cause of causes) {
    const text = cause instanceof Error ? cause.message : ''
    const status = /^Proxy response \((\d{3})\)/.exec(text)?.[1]
    if (status !== undefined) return Number(status)
  }
  return undefined
}

function hintsOfProxy(status: number | undefined): readonly string[] {
  return status === 407
    ? ['Put user and password into the URL of HTTPS_PROXY, percent-encoded.']
    : ['Check HTTPS_PROXY and HTTP_PROXY, or except the server with NO_PROXY.']
}

function hintsOfCode(code: string | undefined): readonly string[] {
  if (code === 'ECONNREFUSED') return ['Is the server running? `chancery serve` starts one.']
  if (code === 'ENOTFOUND') return ['Check the host name of the server URL.']
  if (code?.includes('CERT') === true || code?.includes('SIGNED') === true) {
    return ['For a private certificate authority set NODE_EXTRA_CA_CERTS to its PEM file.']
  }
  return []
}

/** Exponential with full jitter; what the server asks for comes first. */
function delayBefore(retry: number, retryAfterMs: number | undefined): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, LONGEST_DELAY_MS)
  const ceiling = Math.min(FIRST_DELAY_MS * 2 ** retry, LONGEST_DELAY_MS)
  const random = randomBytes(1)[0] ?? 0
  return Math.round(ceiling * (0.5 + random / 510))
}

/** `Retry-After` in seconds; the form with a date counts as absent. Source: RFC 9110, section 10.2.3. */
function retryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}

// untrusted: the name is the server's; only its last segment is used.
function fileNameOf(disposition: string | null): string | undefined {
  if (disposition === null) return undefined
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1]
  const plain = /filename="?([^";]+)"?/i.exec(disposition)?.[1]
  const name = (extended === undefined ? plain : decodeExtended(extended))?.split(/[/\\]/).at(-1)
  return name === undefined || name === '' || name.startsWith('.') ? undefined : name
}

function decodeExtended(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function canceled(reason: unknown): ChanceryError {
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError'
  return new ChanceryError(
    'ERR_CLIENT_TIMEOUT',
    isTimeout
      ? 'the server was called for longer than the command may take'
      : 'the call was canceled',
    {
      cause: reason,
      hints: isTimeout ? ['The whole command may take longer with --timeout.'] : [],
    },
  )
}

/** Waits; rejects with what `signal` says when it aborts. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(canceled(signal?.reason))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, delayMs)
    if (signal?.aborted === true) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

/**
 * The JSON of an answer.
 *
 * @throws ChanceryError ERR_CLIENT_RESPONSE if it is none.
 */
export function readJson(answer: Answer): unknown {
  if (!/^application\/(?:[\w.+-]+\+)?json$/.test(answer.mediaType)) {
    throw new ChanceryError(
      'ERR_CLIENT_RESPONSE',
      `expected JSON, found ${answer.mediaType === '' ? 'no media type' : answer.mediaType.slice(0, 100)}`,
      { hints: ['Check that the URL is that of a Chancery server.'] },
    )
  }
  try {
    return parseJson(answer.bytes, { maxBytes: answer.bytes.length, maxKeys: 1_000_000 })
  } catch (cause) {
    throw new ChanceryError('ERR_CLIENT_RESPONSE', 'expected well-formed JSON in the answer', {
      cause,
    })
  }
}
