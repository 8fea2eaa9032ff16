import { ChanceryError } from '../errors/chancery-error.ts'
import { errorOfAnswer } from './answers.ts'
import { Authenticator, type RepositoryAction } from './authentication.ts'
import { BoundedMap } from '../verify/bounded-map.ts'
import type { ByteAllowance } from './byte-allowance.ts'
import type { FindCredentials } from './credentials.ts'
import { HostBudget } from './host-budget.ts'
import {
  HttpTransport,
  type Answer,
  type Exchange,
  type HttpTransportOptions,
  type StreamedBody,
} from './http-transport.ts'
import { isLoopbackHost, registryUrl, resolveForeignUrl, type RepositoryName } from './origins.ts'
import { followRedirects } from './redirects.ts'
import { backoffMs, DEFAULT_RETRIES, parseRetryAfter, pause, type RetryPolicy } from './retry.ts'
import { wasBrokenOff } from './transport-errors.ts'

/** How registries are reached. */
export interface RegistryConnectionOptions extends HttpTransportOptions {
  readonly findCredentials: FindCredentials
  /** Plain http also to registries that are not on this machine; never after a failed verification of a certificate. */
  readonly allowHttp?: boolean
  /** Throws if a repository must not be spoken to at all. */
  readonly requireAllowed?: ((repository: RepositoryName) => void) | undefined
  readonly retries?: Partial<RetryPolicy>
  /** Told, seldom, that a host is waited for, and which. */
  readonly onWait?: ((message: string) => void) | undefined
}

/** One request of the distribution protocol. */
export interface RegistryRequest {
  readonly method: Exchange['method']
  /** What follows `/v2/<repository>/`, its query included. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly maxBodyBytes: number
  /** What the body of an answer with status 200 is counted against, besides. */
  readonly allowance?: ByteAllowance | undefined
  /** Whether the body of an answer with status 200 is handed out as a stream. */
  readonly isStreamed?: boolean
  /** Whether a redirect is followed, without credentials; else it is an error. */
  readonly mayRedirect?: boolean
  /** False if it must not be sent a second time after its answer was lost. */
  readonly isRepeatable?: boolean
  readonly signal?: AbortSignal | undefined
}

/** One request of an upload that was begun, and where the registry wants it. */
export interface BlobUpload {
  /** PUT ends the upload, PATCH sends a part of it, GET asks how far it came; PUT by default. */
  readonly method?: 'PUT' | 'PATCH' | 'GET'

  /** Absolute, or relative to `base`; as the registry wrote it. */
  readonly location: string
  /** The URL that the location came from. */
  readonly base: URL
  /** Digest of the whole blob, where the upload is to end. */
  readonly digest?: string
  readonly headers?: Readonly<Record<string, string>>
  /** What is sent; a function, where it can be had again. */
  readonly content?: Uint8Array | StreamedBody | (() => StreamedBody)
  readonly signal?: AbortSignal | undefined
}

const MAX_ORIGINS = 1000
const PROBE_BODY_BYTES = 64 * 1024
const MAX_SPREAD_MS = 250

/** Requests to registries: scheme, credentials, redirects and repetition are dealt with here. */
export class RegistryConnection implements Disposable {
  readonly #transport: HttpTransport
  readonly #authenticator: Authenticator
  readonly #retries: RetryPolicy
  readonly #allowHttp: boolean
  readonly #requireAllowed: ((repository: RepositoryName) => void) | undefined
  readonly #onWait: ((message: string) => void) | undefined
  /** By host and port. */
  readonly #budgets = new BoundedMap<string, HostBudget>(MAX_ORIGINS)
  /** By registry. */
  readonly #origins = new BoundedMap<string, Promise<URL>>(MAX_ORIGINS)

  constructor(options: RegistryConnectionOptions) {
    this.#transport = new HttpTransport(options)
    this.#retries = { ...DEFAULT_RETRIES, ...options.retries }
    this.#allowHttp = options.allowHttp ?? false
    this.#requireAllowed = options.requireAllowed
    this.#onWait = options.onWait
    this.#authenticator = new Authenticator(
      (exchange) => this.#sendPatiently(exchange, true),
      options.findCredentials,
    )
  }

  /**
   * Sends a request, authenticating where the registry asks for it.
   *
   * @returns The answer, whatever its status, except 401, 429, 500 and 502 to 504, which are dealt with or thrown.
   */
  async request(
    repository: RepositoryName,
    action: RepositoryAction,
    request: RegistryRequest,
  ): Promise<Answer> {
    const { signal } = request
    this.#requireAllowed?.(repository)
    const origin = await this.#originOf(repository.registry, signal)
    const url = new URL(`v2/${repository.repository}/${request.path}`, origin)
    const send = (authorization: string | undefined) =>
      this.#sendPatiently(
        {
          method: request.method,
          url,
          headers: {
            ...request.headers,
            ...(authorization === undefined ? {} : { authorization }),
          },
          ...(request.body === undefined ? {} : { body: request.body }),
          maxBodyBytes: request.maxBodyBytes,
          allowance: request.allowance,
          isStreamed: request.isStreamed ?? false,
          isOwnHost: true,
          signal,
        },
        request.isRepeatable ?? true,
      )
    const used = await this.#authenticator.authorize(origin, repository, action, signal)
    let answer = await send(used)
    if (answer.status === 401) {
      const refusal = { answer, used }
      answer = await send(
        await this.#authenticator.answer(origin, repository, action, refusal, signal),
      )
      if (answer.status === 401) throw errorOfAnswer(repository, answer)
    }
    if (answer.status < 300 || answer.status >= 400) return answer
    if (request.mayRedirect === true) {
      return followRedirects(origin, answer, (target) =>
        this.#sendPatiently(
          {
            method: request.method,
            url: target,
            headers: { ...request.headers },
            maxBodyBytes: request.maxBodyBytes,
            allowance: request.allowance,
            isStreamed: request.isStreamed ?? false,
            isOwnHost: target.origin === origin.origin,
            signal,
          },
          true,
        ),
      )
    }
    throw new ChanceryError(
      'ERR_REGISTRY_REDIRECT',
      `${origin.host} redirects a ${request.method}, which is not followed`,
      { hints: ['Name the registry by the host that it redirects to.'] },
    )
  }

  /** Sends a part of an upload to the location the registry gave; on another host or port it gets no credential. */
  async upload(repository: RepositoryName, upload: BlobUpload): Promise<Answer> {
    const { method = 'PUT', digest, headers, content, signal } = upload
    const origin = await this.#originOf(repository.registry, signal)
    const url = resolveForeignUrl(origin, upload.base, upload.location, 'the upload location')
    if (digest !== undefined) url.searchParams.set('digest', digest)
    const isOwnHost = url.origin === origin.origin
    const send = (authorization: string | undefined) => {
      const body = typeof content === 'function' ? content() : content
      return this.#sendPatiently(
        {
          method,
          url,
          headers: {
            ...(body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
            ...headers,
            ...(authorization === undefined ? {} : { authorization }),
          },
          ...(body === undefined ? {} : { body }),
          maxBodyBytes: PROBE_BODY_BYTES,
          isOwnHost,
          signal,
        },
        // A session whose answer was lost is in an unknown state.
        method === 'GET',
      )
    }
    if (!isOwnHost) return send(undefined)
    const used = await this.#authenticator.authorize(origin, repository, 'push', signal)
    const answer = await send(used)
    const isOnce = typeof content === 'object' && !(content instanceof Uint8Array)
    if (answer.status !== 401 || isOnce) return answer
    // A token may expire in the middle of an upload.
    const refusal = { answer, used }
    return send(await this.#authenticator.answer(origin, repository, 'push', refusal, signal))
  }

  /** Sends; repeats after a broken connection and after the answers that ask for it, as the host's budget allows. */
  async #sendPatiently(exchange: Exchange, isRepeatable: boolean): Promise<Answer> {
    const budget = this.#budgetOf(exchange.url.host)
    const stopWatching = budget.watch()
    try {
      for (let attempt = 1; ; attempt++) {
        const outcome = await this.#attempt(exchange, budget)
        const pauseMs = this.#pauseBefore(exchange, outcome, attempt, isRepeatable)
        if (pauseMs === undefined || !budget.mayRepeatAfter(pauseMs)) return orThrow(outcome)
        await pause(pauseMs, exchange.signal)
      }
    } finally {
      stopWatching()
    }
  }

  async #attempt(exchange: Exchange, budget: HostBudget): Promise<Answer | ChanceryError> {
    // What waited together does not go on together.
    const askedMs = budget.askedPauseMs()
    if (askedMs > 0) await pause(askedMs + Math.random() * MAX_SPREAD_MS, exchange.signal)
    const maxWaitMs = budget.remainingMs()
    const startedAt = performance.now()
    const outcome = await this.#trySending({ ...exchange, maxWaitMs })
    const isFailure =
      outcome instanceof ChanceryError
        ? outcome.code === 'ERR_REGISTRY_UNAVAILABLE' && exchange.signal?.aborted !== true
        : isTemporary(outcome.status)
    if (isFailure) budget.failed(startedAt)
    else budget.succeeded()
    return outcome
  }

  /** How long to wait before the exchange is repeated; undefined if it is not. */
  #pauseBefore(
    exchange: Exchange,
    outcome: Answer | ChanceryError,
    attempt: number,
    isRepeatable: boolean,
  ): number | undefined {
    // A body that came from a stream is gone.
    const isGone = exchange.body !== undefined && !(exchange.body instanceof Uint8Array)
    const isLast = attempt >= this.#retries.attempts || exchange.signal?.aborted === true || isGone
    const backoff = backoffMs(this.#retries, attempt)
    if (outcome instanceof ChanceryError) {
      const mayHelp = isRepeatable && outcome.code === 'ERR_REGISTRY_UNAVAILABLE'
      return isLast || !mayHelp ? undefined : backoff
    }
    if (!isTemporary(outcome.status)) return undefined
    const askedMs = parseRetryAfter(outcome.headers['retry-after'], Date.now()) ?? 0
    if (askedMs > this.#retries.maxRetryAfterMs) return undefined
    if (askedMs > 0) {
      this.#budgetOf(outcome.url.host).leaveAlone(askedMs, `answered ${outcome.status}`)
    }
    // 429 and 503 say that nothing was done, so even a request that is not repeatable may be sent again.
    const mayBeDone = outcome.status !== 429 && outcome.status !== 503
    return isLast || (mayBeDone && !isRepeatable) ? undefined : Math.max(backoff, askedMs)
  }

  #budgetOf(host: string): HostBudget {
    const known = this.#budgets.get(host)
    if (known !== undefined) return known
    const budget = new HostBudget(host, this.#retries, this.#onWait)
    this.#budgets.set(host, budget)
    return budget
  }

  async #trySending(exchange: Exchange): Promise<Answer | ChanceryError> {
    try {
      return await this.#transport.send(exchange)
    } catch (error) {
      if (error instanceof ChanceryError) return error
      throw error
    }
  }

  #originOf(registry: string, signal: AbortSignal | undefined): Promise<URL> {
    const known = this.#origins.get(registry)
    if (known !== undefined) return known
    const origin = this.#findOrigin(registry, signal)
    this.#origins.set(registry, origin)
    origin.catch(() => this.#origins.delete(registry))
    return origin
  }

  /** https; where plain http is allowed, https if the port speaks TLS. A port that is slow to answer may speak it. */
  async #findOrigin(registry: string, signal: AbortSignal | undefined): Promise<URL> {
    const secure = registryUrl('https', registry)
    if (!this.#allowHttp && !isLoopbackHost(secure.hostname)) return secure
    const outcome = await this.#trySending({
      method: 'GET',
      url: new URL('v2/', secure),
      headers: {},
      maxBodyBytes: PROBE_BODY_BYTES,
      isOwnHost: true,
      signal,
    })
    if (!(outcome instanceof ChanceryError)) return secure
    const mayBePlain = outcome.code === 'ERR_REGISTRY_NO_TLS' || wasBrokenOff(outcome)
    if (!mayBePlain || signal?.aborted === true) throw outcome
    return registryUrl('http', registry)
  }

  /** Closes the connections that are kept for reuse. */
  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]()
  }
}

/** 500 is among them: Distribution 2.8 answers so while the tag that is read is being written. */
function isTemporary(status: number): boolean {
  return status === 429 || status === 500 || (status >= 502 && status <= 504)
}

/** The answer that an exchange ended with. @throws ChanceryError if it is none that its sender can use. */
function orThrow(outcome: Answer | ChanceryError): Answer {
  if (outcome instanceof ChanceryError) throw outcome
  if (isTemporary(outcome.status)) throw busy(outcome)
  return outcome
}

function busy(answer: Answer): ChanceryError {
  const askedForMs = parseRetryAfter(answer.headers['retry-after'], Date.now())
  const wait = askedForMs === undefined ? '' : `; it asks to wait ${Math.ceil(askedForMs / 1000)} s`
  return new ChanceryError(
    'ERR_REGISTRY_UNAVAILABLE',
    `${answer.url.host} answered ${answer.status}${wait}`,
    { hints: ['Try again later; the registry is overloaded or being maintained.'] },
  )
}
