import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Caller } from '../policy/caller.ts'
import type { Principal } from '../policy/principal.ts'
import { canonicalGuid } from './binding.ts'
import type { BodyBudget } from './body-budget.ts'
import { mediumOf, type ReceivedBody } from './body.ts'
import { Links, originOf } from './links.ts'
import type { LoginFailures } from './login-failures.ts'
import { mediaTypeError } from './problem.ts'
import type { Environment, Route } from './route.ts'
import type { Services } from './services.ts'

const NOBODY: Caller['principal'] = {
  organizationId: '',
  userId: '',
  userName: '',
  userType: 'ci',
  tokenId: '',
  roles: new Set(),
  groupIds: new Set(),
}
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/

/** What the first hook finds out for the handler. */
interface Admitted {
  readonly principal: Principal
  readonly origin: string
}

declare module 'fastify' {
  interface FastifyRequest {
    admitted: Admitted | null
  }
}

/** What the routes of one server share. */
export interface Mounting {
  readonly environment: Environment
  readonly loginFailures: LoginFailures
  readonly bodyBudget: BodyBudget
  /** The largest body of any route. */
  readonly maxBodyBytes: number
  readonly publicUrl: string | undefined
}

/** Registers a row of the table with the server, under each of its paths. */
export function mountRoute(app: FastifyInstance, route: Route, mounting: Mounting): void {
  if (!app.hasRequestDecorator('admitted')) app.decorateRequest('admitted', null)
  const bodyLimit = Math.min(route.body.maxBytes, mounting.maxBodyBytes)
  const onRequest: onRequestHookHandler = (request, reply, done) => {
    request.operation = route.operationId
    try {
      admit(request, route, mounting)
      if (route.method === 'POST') {
        const { organizationId } = request.admitted?.principal ?? NOBODY
        mounting.bodyBudget.reserve(organizationId, request.headers, bodyLimit, reply.raw)
      }
      done()
    } catch (error) {
      done(error as Error)
    }
  }
  for (const path of route.paths) {
    app.route({
      method: route.method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      exposeHeadRoute: route.scope === 'public',
      bodyLimit,
      onRequest,
      // Not the promise itself: the framework would wait for the reply once more, which costs more than making it.
      handler: (request, reply) => {
        answer(request, reply, route, mounting).catch((thrown: unknown) => {
          reply.send(thrown instanceof Error ? thrown : new Error('no error', { cause: thrown }))
        })
      },
    })
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  route: Route,
  mounting: Mounting,
): Promise<void> {
  const { origin } = request.admitted ?? { origin: '' }
  const principal = presentPrincipal(request, route, mounting)
  const params = request.params as Readonly<Record<string, string>>
  const links = new Links(origin, principal.organizationId)
  const result = await route.handle(mounting.environment, {
    caller: {
      principal,
      address: request.callerAddress,
      requestId: request.id,
    },
    params,
    query: route.bindQuery(request.query),
    body: route.body.bind(receivedBody(request)),
    links,
    idempotencyKey: readIdempotencyKey(request),
  })
  await route.answer.send(reply, result, links, params)
}

/** Everything that can be refused before a body is read, in this order: who, which organization, what is coming. */
function admit(
  request: FastifyRequest,
  route: Route,
  { environment: { services }, loginFailures, publicUrl }: Mounting,
): void {
  if (route.scope === 'public') return
  const principal = authenticate(request, services.authenticate, loginFailures)
  request.principalId = principal.userId
  if (route.scope === 'organization') checkOrganization(request, principal)
  checkMedium(request, route)
  request.admitted = { principal, origin: originOf(publicUrl, request.headers.host) }
}

/** A body may take its time: who sends one is asked again when it is there. */
function presentPrincipal(
  request: FastifyRequest,
  { method }: Route,
  { environment: { services }, loginFailures }: Mounting,
): Principal {
  if (request.admitted === null) return NOBODY
  const { principal } = request.admitted
  return method === 'GET'
    ? principal
    : authenticate(request, services.authenticate, loginFailures, principal)
}

function authenticate(
  request: FastifyRequest,
  verify: Services['authenticate'],
  loginFailures: LoginFailures,
  proven?: Principal,
): Principal {
  try {
    return verify(request.headers.authorization, proven)
  } catch (error) {
    if (error instanceof ChanceryError && error.kind === 'unauthenticated') {
      loginFailures.add(request.callerAddress, request.id)
    }
    throw error
  }
}

/** An organization that does not exist is answered like one that is not the caller's. */
function checkOrganization(request: FastifyRequest, { organizationId }: Principal): void {
  const { organizationId: given = '' } = request.params as Readonly<Record<string, string>>
  if (given === organizationId || canonicalGuid(given) === organizationId) return
  throw new ChanceryError(
    'ERR_HTTP_ORGANIZATION',
    'the token does not belong to the organization in the path',
    { hints: ['check the organization id; GET …/Organization answers with the one of a token'] },
  )
}

function checkMedium(request: FastifyRequest, { method, body }: Route): void {
  const { headers } = request
  if (method === 'GET' || isEmpty(headers['content-length'], headers['transfer-encoding'])) return
  const encoding = headers['content-encoding']
  const isEncoded = encoding !== undefined && encoding !== 'identity'
  const isReadable =
    body.media.has('raw') || body.media.has(mediumOf(headers['content-type'] ?? ''))
  if (isEncoded || !isReadable) throw mediaTypeError(Object.keys(body.content))
}

function isEmpty(contentLength: string | undefined, transferEncoding: string | undefined): boolean {
  return transferEncoding === undefined && (contentLength === undefined || contentLength === '0')
}

function receivedBody(request: FastifyRequest): ReceivedBody | null {
  if (!(request.body instanceof Uint8Array)) return null
  const bytes = request.body
  const contentType = request.headers['content-type'] ?? ''
  return { medium: mediumOf(contentType), contentType, bytes }
}

function readIdempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key
  throw new ChanceryError('ERR_HTTP_HEADER', 'expected 1 to 200 visible ASCII characters', {
    field: 'Idempotency-Key',
  })
}
