import { Type } from 'typebox'
import { AuditEventPage, AuditQuery, AuditVerification } from '../../wire/audit.ts'
import { json, TEXT_STREAM } from '../answer.ts'
import { NO_BODY } from '../body.ts'
import { route, type Route } from '../route.ts'

const tag = 'Audit log'
const readers = 'Global Administrators and Global Readers'

const AuditExportQuery = Type.Object({
  ...AuditQuery.properties,
  format: Type.Optional(Type.Union([Type.Literal('jsonl'), Type.Literal('csv')])),
})

/** The record of everything that was asked, allowed, refused, signed or changed. */
export const AUDIT_EVENT_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: 'AuditEvents',
    operationId: 'ListAuditEvents',
    tag,
    summary: 'The audit log, newest first',
    permission: readers,
    query: AuditQuery,
    body: NO_BODY,
    answer: json(AuditEventPage),
    handle: ({ services }, { caller, query }) => services.audit.list(caller, query),
  }),
  route({
    method: 'GET',
    path: 'AuditEvents/Export',
    operationId: 'ExportAuditEvents',
    tag,
    summary: 'The audit log as JSON lines or CSV, all of it or what a filter leaves',
    permission: readers,
    query: AuditExportQuery,
    body: NO_BODY,
    answer: TEXT_STREAM,
    handle: ({ services }, { caller, query: { format = 'jsonl', ...query } }) => ({
      mediaType: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl',
      fileName: `audit-events.${format}`,
      pieces: services.audit.export(caller, query, format),
    }),
  }),
  route({
    method: 'GET',
    path: 'AuditEvents/Verify',
    operationId: 'VerifyAuditEvents',
    tag,
    summary: 'Computes the hash chain of the audit log anew',
    permission: readers,
    body: NO_BODY,
    answer: json(AuditVerification),
    handle: ({ services }, { caller }) => services.audit.verify(caller),
  }),
  ...(['Events', 'SigningRequestEvents'] as const).map((name) =>
    route({
      method: 'GET',
      path: `AuditLog/${name}`,
      preview: 'only',
      operationId: `ListAuditLog${name}`,
      tag,
      summary: "The audit log under SignPath's older address",
      permission: readers,
      query: AuditQuery,
      body: NO_BODY,
      answer: json(AuditEventPage),
      handle: ({ services }, { caller, query }) => {
        const filter = name === 'Events' ? query : { ...query, type: 'SigningRequest.*' }
        return services.audit.list(caller, filter)
      },
    }),
  ),
]
