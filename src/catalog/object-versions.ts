import type { Reader } from '../db/ledger.ts'
import { parseJson } from '../format/json.ts'
import { decodeCatalogObject } from './catalog-schema.ts'
import type { CatalogKind, CatalogObject } from './objects.ts'
import { corrupt } from './stored-objects.ts'

/**
 * Reads an object as it was in one of its versions; every version is kept.
 *
 * @throws ChanceryError ERR_CATALOG_CORRUPT if the version is not there or unreadable.
 */
export function readObjectVersion<K extends CatalogKind>(
  reader: Reader,
  kind: K,
  id: string,
  version: number,
): Extract<CatalogObject, { kind: K }> {
  const row = reader.get<{ body: string }>(
    'SELECT body FROM config_object_versions WHERE id = ? AND version = ?',
    id,
    version,
  )
  if (row === undefined) throw corrupt(id, `no version ${version}`)
  const object = decodeCatalogObject(kind, parseJson(row.body))
  if (object?.id !== id || object.version !== version) {
    throw corrupt(id, `an unreadable version ${version}`)
  }
  return object as Extract<CatalogObject, { kind: K }>
}
