import type { AuditEvent, Reader } from '../db/ledger.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import { encodeHex } from '../format/hex.ts'
import { parseJson } from '../format/json.ts'
import { fingerprintToken } from '../identity/secret-token.ts'
import { withoutSecrets } from './audit-events.ts'

/**
 * Holds every configured object, each of its versions and every API token against the audit log: each is as its change
 * left it.
 *
 * @returns One sentence for each that is not, or that the audit log does not know.
 */
export function checkConfiguration(reader: Reader): readonly string[] {
  return [...objectProblems(reader), ...tokenProblems(reader)]
}

interface Logged extends Readonly<Record<string, unknown>> {
  readonly version: number
}

function objectProblems(reader: Reader): readonly string[] {
  return reader
    .all<{ id: string; kind: string; body: string }>('SELECT id, kind, body FROM config_objects')
    .flatMap(({ id, kind, body }) => {
      const logged = eventsOf(reader, id)
        .filter(({ data }) => 'after' in data)
        .map(({ data }) => data['after'] as Logged)
      // Not the last by number: that an organization was made is in the log of whose administrator made it, too.
      const last = logged.toSorted((one, two) => one.version - two.version).at(-1)
      if (last === undefined) return [`the ${kind} ${id} is not in the audit log`]
      const problems = versionProblems(reader, kind, id, logged)
      return isAsLogged(body, last)
        ? problems
        : [`the ${kind} ${id} is not as its last change in the audit log left it`, ...problems]
    })
}

/** Requests are signed under the version of an artifact configuration that they were submitted to. */
function versionProblems(
  reader: Reader,
  kind: string,
  id: string,
  logged: readonly Logged[],
): readonly string[] {
  const rows = reader.all<{ version: number; body: string }>(
    'SELECT version, body FROM config_object_versions WHERE id = ?',
    id,
  )
  const stored = new Map(rows.map(({ version, body }) => [version, body]))
  const problems = logged
    .filter((object) => {
      const body = stored.get(object.version)
      return body === undefined || !isAsLogged(body, object)
    })
    .map(({ version }) => `version ${version} of the ${kind} ${id} is not as in the audit log`)
  return stored.size === new Set(logged.map(({ version }) => version)).size
    ? problems
    : [...problems, `the ${kind} ${id} has other versions than the audit log`]
}

function isAsLogged(body: string, logged: Logged): boolean {
  const { tokenFingerprint, ...stored } = withoutSecrets(parseJson(body) as object)
  // Logs of before fingerprints were kept do not have any.
  const isKept = 'tokenFingerprint' in logged && tokenFingerprint !== undefined
  return canonicalJson(isKept ? { ...stored, tokenFingerprint } : stored) === canonicalJson(logged)
}

interface TokenRow {
  readonly id: string
  readonly organization_id: string
  readonly user_id: string
  readonly hash: Uint8Array
  readonly description: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
}

function tokenProblems(reader: Reader): readonly string[] {
  return reader
    .all<TokenRow>(
      'SELECT id, organization_id, user_id, hash, description, created_at, expires_at, revoked_at FROM api_tokens',
    )
    .flatMap((row) => {
      const logged = eventsOf(reader, row.id)
        .filter(({ type }) => type.startsWith('ApiToken.'))
        .at(-1)
      if (logged === undefined) return [`the API token ${row.id} is not in the audit log`]
      const { data, organizationId } = logged
      const fingerprint = fingerprintToken(encodeHex(row.hash))
      const stored = {
        userId: row.user_id,
        description: row.description,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
        revokedAt: row.revoked_at,
        ...('fingerprint' in data ? { fingerprint } : {}),
      }
      const isSame =
        organizationId === row.organization_id && canonicalJson(stored) === canonicalJson(data)
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
