import type { Reader } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseJson } from '../format/json.ts'
import { decodeCatalogObject, isCatalogKind } from './catalog-schema.ts'
import { uniqueKeyOf } from './object-key.ts'
import type { CatalogObject } from './objects.ts'

interface ObjectRow {
  readonly id: string
  readonly organization_id: string
  readonly kind: string
  readonly version: number
  readonly is_active: number
  readonly unique_key: string | null
  readonly body: string
}

const OBJECTS =
  'SELECT id, organization_id, kind, version, is_active, unique_key, body FROM config_objects ORDER BY id'
const FOUNDED =
  "SELECT o.id AS id FROM config_objects o JOIN config_object_versions v ON v.id = o.id AND v.version = 1 WHERE o.kind = 'organization' AND v.changed_by IS NULL"

/** The error of a stored configuration that contradicts itself; it stops the start. */
export function corrupt(id: string, found: string, cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_CATALOG_CORRUPT',
    `expected a readable configuration, found ${found} (object ${id})`,
    {
      hints: ['run `chancery fsck`; restore the data directory from a backup'],
      ...(cause === undefined ? {} : { cause }),
    },
  )
}

/**
 * Reads every configured object in its present version, oldest first.
 *
 * @throws ChanceryError ERR_CATALOG_CORRUPT if a row is not exactly what was written.
 */
export function* readObjects(reader: Reader): Generator<CatalogObject> {
  for (const row of reader.iterate<ObjectRow>(OBJECTS)) yield decodeRow(row)
}

/**
 * Reads the id of the organization that `chancery init` made: the one that nobody's account created.
 *
 * @returns undefined where there is no organization at all.
 * @throws ChanceryError ERR_CATALOG_CORRUPT if there are several.
 */
export function readFoundingOrganization(reader: Reader): string | undefined {
  const [founding, second] = reader.all<{ readonly id: string }>(FOUNDED)
  if (second !== undefined) throw corrupt(second.id, 'a second founding organization')
  return founding?.id
}

function decodeRow(row: ObjectRow): CatalogObject {
  if (!isCatalogKind(row.kind)) throw corrupt(row.id, 'an object of an unknown kind')
  const object = decodeCatalogObject(row.kind, parseBody(row))
  if (object === undefined) throw corrupt(row.id, `a malformed ${row.kind}`)
  const isAsIndexed =
    object.id === row.id &&
    object.organizationId === row.organization_id &&
    object.version === row.version &&
    object.isActive === (row.is_active === 1) &&
    uniqueKeyOf(object) === row.unique_key
  if (!isAsIndexed) throw corrupt(row.id, `a ${row.kind} that differs from its columns`)
  return object
}

function parseBody(row: ObjectRow): unknown {
  try {
    return parseJson(row.body)
  } catch (cause) {
    throw corrupt(row.id, `a ${row.kind} that is not JSON`, cause)
  }
}
