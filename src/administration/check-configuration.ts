import type { AuditEvent, Reader } from '../db/ledger.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import { parseJson } from '../format/json.ts'
import { withoutSecrets } from './audit-events.ts'

/**
 * Holds every configured object and every API token against the audit log: each is as its last change left it.
 *
 * @returns One sentence for each that is not, or that the audit log does not know.
 */
export function checkConfiguration(reader: Reader): readonly string[] {
  return [...objectProblems(reader), ...tokenProblems(reader)]
}

function objectProblems(reader: Reader): readonly string[] {
  return reader
    .all<{ id: string; kind: string; body: string }>('SELECT id, kind, body FROM config_objects')
    .flatMap(({ id, kind, body }) => {
      const changes = eventsOf(reader, id).filter(({ data }) => 'after' in data)
      const logged = changes.at(-1)?.data['after']
      if (logged === undefined) return [`the ${kind} ${id} is not in the audit log`]
      const stored = withoutSecrets(parseJson(body) as object)
      return canonicalJson(stored) === canonicalJson(logged)
        ? []
        : [`the ${kind} ${id} is not as its last change in the audit log left it`]
    })
}

interface TokenRow {
  readonly id: string
  readonly user_id: string
  readonly expires_at: number | null
  readonly revoked_at: number | null
}

function tokenProblems(reader: Reader): readonly string[] {
  return reader
    .all<TokenRow>('SELECT id, user_id, expires_at, revoked_at FROM api_tokens')
    .flatMap((row) => {
      const logged = eventsOf(reader, row.id)
        .filter(({ type }) => type.startsWith('ApiToken.'))
        .at(-1)?.data
      if (logged === undefined) return [`the API token ${row.id} is not in the audit log`]
      const isSame =
        logged['userId'] === row.user_id &&
        logged['expiresAt'] === row.expires_at &&
        logged['revokedAt'] === row.revoked_at
      return isSame
        ? []
        : [`the API token ${row.id} is not as its last change in the audit log left it`]
    })
}

function eventsOf(reader: Reader, id: string): readonly AuditEvent[] {
  return reader
    .all<{ record: string }>(
      'SELECT record FROM audit_events WHERE object_id = ? ORDER BY number',
      id,
    )
    .map(({ record }) => parseJson(record) as AuditEvent)
}
