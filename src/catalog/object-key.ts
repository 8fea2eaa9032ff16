import type { CatalogObject } from './objects.ts'

/** Equal for slugs and names that differ in case only. */
export function foldLabel(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/** What an object is called where only one may have the name: its slug, else its name. */
export function labelOf(object: CatalogObject): string {
  return 'slug' in object ? object.slug : object.name
}

/** Where an object's slug or name is unique: its project's id, else its organization's. */
export function scopeOf(object: CatalogObject): string {
  return 'projectId' in object ? object.projectId : object.organizationId
}

/**
 * The text that only one object may have, as it is stored: `<kind>/<id of the scope>/<folded slug or name>`. Null for
 * organizations, whose names need not differ.
 */
export function uniqueKeyOf(object: CatalogObject): string | null {
  if (object.kind === 'organization') return null
  return `${object.kind}/${scopeOf(object)}/${foldLabel(labelOf(object))}`
}
