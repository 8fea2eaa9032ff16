import { imageCondition } from '../db/image-condition.ts'
import type { Reader, SqlValue } from '../db/ledger.ts'
import { typeCondition } from '../db/type-condition.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseDigest } from '../format/oci-digest.ts'
import { normaliseRepository } from '../format/oci-reference.ts'
import type { AuditQuery } from '../wire/audit.ts'
import type { RowConditions } from './audit-rows.ts'

/** So few rows are found through their own index, and sorted; more are come upon in the order of the log. */
const FEW = 1000

/**
 * What a query looks for in the log of an organization.
 *
 * @param chain The number of its log.
 * @throws ChanceryError ERR_AUDIT_QUERY, or of a digest or repository that is none.
 */
export function conditionsOf(
  reader: Reader,
  organizationId: string,
  chain: number,
  query: AuditQuery,
): RowConditions {
  const search = new Search()
  if (query.type !== undefined) addType(search, reader, chain, query.type)
  if (query.actorId !== undefined) search.add('actor_id = ?', query.actorId)
  if (query.objectId !== undefined) search.addFew('object_id = ?', query.objectId)
  if (query.digest !== undefined) {
    parseDigest(query.digest, 'digest')
    const { sql, parameters } = imageCondition(organizationId, 'digest', query.digest)
    search.addFew(requestsWith(sql), ...parameters)
  }
  if (query.repository !== undefined) {
    addRepository(search, reader, organizationId, normaliseRepository(query.repository))
  }
  if (query.from !== undefined) search.add('at >= ?', instant(query.from, 'from'))
  if (query.to !== undefined) search.add('at <= ?', instant(query.to, 'to'))
  return search
}

class Search implements RowConditions {
  readonly conditions: string[] = []
  readonly parameters: SqlValue[] = []
  isOfFew = false

  add(condition: string, ...values: readonly SqlValue[]): void {
    this.conditions.push(condition)
    this.parameters.push(...values)
  }

  addFew(condition: string, ...values: readonly SqlValue[]): void {
    this.add(condition, ...values)
    this.isOfFew = true
  }
}

/** Of the types that begin with something, each has a place of its own in the index, and in it the order of the log. */
function addType(search: Search, reader: Reader, chain: number, type: string): void {
  const { sql, parameters } = typeCondition(type)
  if (!type.endsWith('*')) {
    search.add(sql, ...parameters)
    return
  }
  const found = `FROM audit_events WHERE chain = ? AND ${sql}`
  if (isFew(reader, found, chain, ...parameters)) {
    search.addFew(`seq IN (SELECT seq ${found})`, chain, ...parameters)
  } else {
    search.add(sql.replaceAll('type ', '+type '), ...parameters)
  }
}

function addRepository(
  search: Search,
  reader: Reader,
  organizationId: string,
  repository: string,
): void {
  const { sql, parameters } = imageCondition(organizationId, 'repository', repository)
  if (isFew(reader, `FROM signing_request_images WHERE ${sql}`, ...parameters)) {
    search.addFew(requestsWith(sql), ...parameters)
  } else {
    search.add(
      `EXISTS (SELECT 1 FROM signing_requests r JOIN signing_request_images ON place >= r.seq << 20 AND place < (r.seq + 1) << 20 WHERE r.id = object_id AND signing_request_images.${sql})`,
      ...parameters,
    )
  }
}

/** The events of the requests that have an image. */
function requestsWith(image: string): string {
  return `object_id IN (SELECT id FROM signing_requests WHERE seq IN (SELECT place >> 20 FROM signing_request_images WHERE ${image}))`
}

function isFew(reader: Reader, found: string, ...parameters: readonly SqlValue[]): boolean {
  const sql = `SELECT count(*) AS count FROM (SELECT 1 ${found} LIMIT ${FEW + 1})`
  return (reader.get<{ count: number }>(sql, ...parameters)?.count ?? 0) <= FEW
}

function instant(text: string, field: string): number {
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw new ChanceryError('ERR_AUDIT_QUERY', 'expected an instant such as 2026-11-23T10:15:00Z', {
    field,
  })
}
