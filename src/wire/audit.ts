import { Type, type Static } from 'typebox'
import { Guid, Instant } from './shapes.ts'

/** One entry of the audit log. */
export const AuditEventView = Type.Object({
  organizationId: Guid,
  /** 1 for the organization's first event, without gaps. */
  number: Type.Integer({ minimum: 1 }),
  type: Type.String({ description: '<Object>.<PastParticiple>, e.g. SigningRequest.Submitted' }),
  at: Instant,
  metadata: Type.Object({
    actor: Type.Union([
      Type.Object({ id: Guid, name: Type.Union([Type.String(), Type.Null()]) }),
      Type.Null(),
    ]),
    address: Type.Union([Type.String(), Type.Null()]),
    requestId: Type.Union([Type.String(), Type.Null()]),
  }),
  objectId: Type.Union([Type.String(), Type.Null()]),
  data: Type.Record(Type.String(), Type.Unknown()),
  /** Lower-case hex: the hash of the event before this one, and of this one. */
  previousHash: Type.String(),
  hash: Type.String(),
})
export type AuditEventView = Static<typeof AuditEventView>

/** `GET AuditEvents`: newest first unless `order=asc`. */
export const AuditQuery = Type.Object({
  type: Type.Optional(
    Type.String({ maxLength: 100, description: 'exact, or a prefix ending in *' }),
  ),
  actorId: Type.Optional(Guid),
  objectId: Type.Optional(Type.String({ maxLength: 100 })),
  digest: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'of signing requests that name this image: sha256:<64 hex>',
    }),
  ),
  repository: Type.Optional(
    Type.String({
      maxLength: 1024,
      description: 'of signing requests that name an image of this repository',
    }),
  ),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  after: Type.Optional(Type.Integer({ minimum: 0, description: 'numbers above this one' })),
  before: Type.Optional(Type.Integer({ minimum: 1, description: 'numbers below this one' })),
  order: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
})
export type AuditQuery = Static<typeof AuditQuery>

/** A page of events. */
export const AuditEventPage = Type.Object({
  events: Type.Array(AuditEventView),
  next: Type.Union([Type.Integer(), Type.Null()], {
    description:
      '`before` of the next page (`after`, with order=asc); null where there is none. A page has fewer events than `limit` where they are large',
  }),
})
export type AuditEventPage = Static<typeof AuditEventPage>

/** The outcome of re-computing the whole chain. */
export const AuditVerification = Type.Object({
  isIntact: Type.Boolean(),
  events: Type.Integer(),
  headHash: Type.String(),
  /** The first number at which the chain does not hold, and why; null where it is intact. */
  brokenAt: Type.Union([Type.Integer(), Type.Null()]),
  reason: Type.Union([Type.String(), Type.Null()]),
})
export type AuditVerification = Static<typeof AuditVerification>
