import { Type, type Static } from 'typebox'

/** A lower-case GUID. */
export const Guid = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'lower-case GUID',
})

/** A slug: lower-case ASCII letters, digits and hyphens, starting with a letter or digit; at most 100 characters. */
export const Slug = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,99}$',
  description: 'slug: [a-z0-9][a-z0-9-]*',
})

/** A display name: 1 to 200 characters. */
export const Name = Type.String({ minLength: 1, maxLength: 200 })

/** An instant, RFC 3339 in UTC with milliseconds. */
export const Instant = Type.String({ description: 'RFC 3339, UTC, e.g. 2026-11-23T10:15:00.000Z' })

/** What every create route answers. */
export const Created = Type.Object({ id: Guid })
export type Created = Static<typeof Created>

/** Users and groups by id. */
export const AssigneesBody = Type.Object({
  users: Type.Array(Guid, { maxItems: 1000, uniqueItems: true }),
  groups: Type.Array(Guid, { maxItems: 1000, uniqueItems: true }),
})
export type AssigneesBody = Static<typeof AssigneesBody>

/** The body of every error: RFC 9457, with SignPath's `errors` and `traceId`. */
export const Problem = Type.Object({
  type: Type.String({
    description: '`urn:chancery:error:<code>`, or `about:blank` for a bug of ours',
  }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String({ description: 'what was expected and what was found' })),
  hints: Type.Optional(Type.Array(Type.String(), { description: 'what to do about it' })),
  errors: Type.Optional(
    Type.Record(Type.String(), Type.Array(Type.String()), {
      description: 'messages by field; the empty name is for those about the whole',
    }),
  ),
  instance: Type.String({ description: 'the id of this HTTP request; the log has it too' }),
  traceId: Type.String(),
})
export type Problem = Static<typeof Problem>
