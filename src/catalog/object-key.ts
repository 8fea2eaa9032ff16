import type { CatalogKind, CatalogObject } from './objects.ts'

/** Slugs and names are equal whatever their case. */
function fold(name: string): string {
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
 * The text that is unique to a slug or name, case-insensitively: `<kind>/<id of the scope>/<slug or name>`.
 *
 * @param scopeId An organization's id, or a project's for artifact configurations and signing policies.
 */
export function uniqueKey(kind: CatalogKind, scopeId: string, label: string): string {
  return `${kind}/${scopeId}/${fold(label)}`
}

/** The {@link uniqueKey} of an object; null for organizations, whose names need not differ. */
export function uniqueKeyOf(object: CatalogObject): string | null {
  if (object.kind === 'organization') return null
  return uniqueKey(object.kind, scopeOf(object), labelOf(object))
}
