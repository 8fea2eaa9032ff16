import { Type } from 'typebox'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { json, text } from '../answer.ts'
import { NO_BODY } from '../body.ts'
import { publicRoute, type Route } from '../route.ts'

const ABOUT = `Chancery

A signing authority for container images: it examines what is submitted, collects
approvals, signs, and keeps a record of everything.

API description   /openapi.json
Liveness          /healthz
Readiness         /readyz
Metrics           /metrics

A signing request is shown by: chancery requests show <id>
`

const Health = Type.Object({ status: Type.Literal('Healthy') })
const Ready = Type.Object({
  isReady: Type.Boolean(),
  checks: Type.Record(Type.String(), Type.Boolean()),
})
const SystemInfo = Type.Object({ product: Type.Literal('Chancery'), version: Type.String() })

/** What load balancers, monitoring and a curious browser ask; nothing here belongs to an organization. */
export const OPERATIONS_ROUTES: readonly Route[] = [
  publicRoute(
    {
      paths: ['/', '/Web/{organizationId}/SigningRequests/{id}'],
      operationId: 'GetAbout',
      summary: 'What this is',
      answer: text('text/plain; charset=utf-8'),
      handle: () => ABOUT,
    },
    NO_BODY,
  ),
  publicRoute(
    {
      paths: ['/healthz', '/Api/healthz', '/Api/healthzd'],
      operationId: 'GetHealth',
      summary: 'The process answers',
      answer: json(Health),
      handle: () => ({ status: 'Healthy' as const }),
    },
    NO_BODY,
  ),
  publicRoute(
    {
      paths: ['/readyz'],
      operationId: 'GetReadiness',
      summary: 'The store can be written and the keys are open; 503 otherwise',
      answer: json(Ready),
      handle: async ({ services }) => {
        const { isReady, checks } = await services.readiness()
        if (isReady) return { isReady, checks: { ...checks } }
        const failing = Object.keys(checks).filter((name) => checks[name] !== true)
        throw new ChanceryError('ERR_HTTP_NOT_READY', `not ready: ${failing.join(', ')}`)
      },
    },
    NO_BODY,
  ),
  publicRoute(
    {
      paths: ['/metrics'],
      operationId: 'GetMetrics',
      summary: 'Counters in the Prometheus text format',
      answer: text('text/plain; version=0.0.4; charset=utf-8'),
      handle: ({ metrics, services }) => metrics.expose(services.commits()),
    },
    NO_BODY,
  ),
  publicRoute(
    {
      paths: ['/Api/v1/Meta/SystemInfo'],
      operationId: 'GetSystemInfo',
      summary: 'The version of the server',
      answer: json(SystemInfo),
      handle: ({ version }) => ({ product: 'Chancery' as const, version }),
    },
    NO_BODY,
  ),
  publicRoute(
    {
      paths: ['/openapi.json', '/Api/swagger'],
      operationId: 'GetOpenApi',
      summary: 'This document',
      answer: text('application/json; charset=utf-8'),
      handle: ({ describe }) => describe(),
    },
    NO_BODY,
  ),
]
