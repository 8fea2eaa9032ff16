import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { BlockList, Socket } from 'node:net'
import { randomTraceId } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { BodyBudget } from './body-budget.ts'
import { callerAddress } from './caller-address.ts'
import { LoginFailures } from './login-failures.ts'
import { Log } from './log.ts'
import { Metrics } from './metrics.ts'
import { describeRoutes } from './openapi.ts'
import { noRouteError, presentable, problemOf, sendProblem } from './problem.ts'
import type { Environment, Route } from './route.ts'
import { mountRoute } from './mount-route.ts'
import { methodsOf } from './route-match.ts'
import { ROUTES } from './routes/routes.ts'
import type { Services } from './services.ts'

/** How the server behaves; each has a default. */
export interface AppOptions {
  /** What absolute links start with, without a trailing slash; the `Host` header of the call where it is not set. */
  readonly publicUrl?: string
  /** Addresses of proxies that are believed when they say who calls; nobody is where it is not set. */
  readonly trustedProxies?: BlockList
  /** The largest body; 64 MiB. */
  readonly maxBodyBytes?: number
  /** All bodies of more than 64 KiB that are here at a time; eight of the largest. */
  readonly maxBodiesBytes?: number
  /** Of Chancery, as it shows itself; `0.0.0` where it is not set. */
  readonly version?: string
  /** Takes blocks of log lines; no log where it is not set. */
  readonly writeLog?: (lines: string) => void
  /** How long a client may take for the headers of a request; 15 s. */
  readonly headersTimeoutMs?: number
  /** How long a client may take for a whole request; 5 min. */
  readonly requestTimeoutMs?: number
  /** How long a connection may be silent while it waits for an answer or sends one; 2 min. */
  readonly connectionTimeoutMs?: number
}

const MAX_BODY_BYTES = 64 * 1024 * 1024
const BODIES_AT_ONCE = 8
const MAX_HEADER_BYTES = 16 * 1024
const MAX_PARAMETER_LENGTH = 200
const KEEP_ALIVE_MS = 72_000
const HEADERS_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 300_000
const CONNECTION_TIMEOUT_MS = 120_000

declare module 'fastify' {
  interface FastifyRequest {
    /** The route's operation id; null where no route matched. */
    operation: string | null
    /** Of who calls; null where the connection had none. */
    readonly callerAddress: string | null
    principalId: string | null
  }
}

/**
 * The HTTP server: all routes, not yet listening. Closing it writes what is pending of its log and counters.
 */
export function createApp(services: Services, options: AppOptions = {}): FastifyInstance {
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS
  const bodyLimit = options.maxBodyBytes ?? MAX_BODY_BYTES
  const app = Fastify({
    logger: false,
    trustProxy: false,
    bodyLimit,
    connectionTimeout: options.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS,
    requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout,
      connectionsCheckingInterval: Math.min(headersTimeout, 5000),
    },
    requestIdHeader: false,
    genReqId: randomTraceId,
    exposeHeadRoutes: false,
    routerOptions: {
      caseSensitive: false,
      ignoreTrailingSlash: true,
      maxParamLength: MAX_PARAMETER_LENGTH,
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(reply, request.id)
      sendProblem(reply, presentable(error, bodyLimit), request.id)
    },
  })
  const environment = environmentOf(services, options.version ?? '0.0.0')
  const loginFailures = new LoginFailures(services.recordLoginFailure)

  const { trustedProxies } = options
  app.decorateRequest('operation', null)
  app.decorateRequest('callerAddress', {
    getter() {
      return callerAddress(this.raw, trustedProxies)
    },
  })
  app.decorateRequest('principalId', null)
  app.removeAllContentTypeParsers()
  // Every type, as '*' would be, but remembered for those that come again.
  app.addContentTypeParser(/^/, { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.addHook('onRequest', (request, reply, done) => {
    setSecurityHeaders(reply, request.id)
    // Before the body is read, which nobody has a right to have kept here.
    if (request.is404) answerUnrouted(ROUTES, request, reply)
    else done()
  })
  observe(app, environment.metrics, options.writeLog)
  const bodyBudget = new BodyBudget(options.maxBodiesBytes ?? BODIES_AT_ONCE * bodyLimit, bodyLimit)
  for (const route of ROUTES) {
    const { publicUrl } = options
    mountRoute(app, route, {
      environment,
      loginFailures,
      bodyBudget,
      maxBodyBytes: bodyLimit,
      publicUrl,
    })
  }
  app.addHook('onClose', () => {
    loginFailures.close()
  })
  return app
}

function environmentOf(services: Services, version: string): Environment {
  let document: string | undefined
  return {
    services,
    metrics: new Metrics(),
    version,
    describe: () => (document ??= JSON.stringify(describeRoutes(ROUTES, version))),
  }
}

/** Headers on every answer: nothing here is to be sniffed, framed, cached or run. */
function setSecurityHeaders(reply: FastifyReply, requestId: string): void {
  reply.headers({
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
  })
}

function observe(
  app: FastifyInstance,
  metrics: Metrics,
  writeLog: ((lines: string) => void) | undefined,
): void {
  const log = writeLog === undefined ? undefined : new Log(writeLog)
  app.addHook('onResponse', (request, reply, done) => {
    const { statusCode, elapsedTime } = reply
    metrics.observe(request.operation ?? 'none', statusCode, elapsedTime)
    log?.access({
      requestId: request.id,
      method: request.method,
      operation: request.operation,
      path: pathOf(request.url),
      status: statusCode,
      milliseconds: elapsedTime,
      principal: request.principalId,
      address: request.callerAddress,
    })
    done()
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = isAborted(request)
      ? new ChanceryError(
          'ERR_HTTP_MALFORMED',
          'expected the whole body, found a closed connection',
        )
      : presentable(thrown, request.routeOptions.bodyLimit)
    if (error === null) log?.bug(request.id, thrown)
    else if (error.kind === 'unavailable') log?.unavailable(request.id, error)
    sendProblem(reply, error, request.id)
  })
  app.addHook('onClose', () => {
    log?.close()
  })
}

function isAborted(request: FastifyRequest): boolean {
  return request.raw.destroyed && !request.raw.complete
}

function answerUnrouted(
  routes: readonly Route[],
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const methods = methodsOf(routes, pathOf(request.url))
  if (methods.length === 0) {
    sendProblem(reply, noRouteError(), request.id)
    return
  }
  reply.header('allow', methods.join(', '))
  const message = `expected ${methods.join(' or ')}`
  sendProblem(reply, new ChanceryError('ERR_HTTP_METHOD', message), request.id)
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

/** What the parser of HTTP refuses has no request and no reply yet. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, reason, expected] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          431,
          'Request Header Fields Too Large',
          `expected headers of at most ${MAX_HEADER_BYTES} bytes`,
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout', 'expected the whole request in time']
        : [400, 'Bad Request', 'expected an HTTP/1.1 request']
  const requestId = randomTraceId()
  const problem = problemOf(new ChanceryError('ERR_HTTP_MALFORMED', expected), requestId)
  const body = JSON.stringify({ ...problem, status })
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
