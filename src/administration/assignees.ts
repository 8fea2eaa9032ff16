import type { Catalog } from '../catalog/catalog.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Assignees } from '../policy/principal.ts'
import { sortIds } from './configuration-value.ts'

/** Nobody. */
export const NOBODY: Assignees = { users: [], groups: [] }

/**
 * The users and groups who are to hold a right: of the organization, and active where they are newly assigned.
 *
 * @param before Who holds it now.
 * @param field The member of the body they come from.
 * @returns Sorted, without duplicates.
 * @throws ChanceryError ERR_ADMINISTRATION_REFERENCE if the organization has no such user or group.
 * @throws ChanceryError ERR_ADMINISTRATION_INACTIVE if somebody who is added is inactive.
 */
export function requireAssignees(
  catalog: Catalog,
  organizationId: string,
  before: Assignees,
  after: Assignees,
  field: string,
): Assignees {
  return {
    users: requireUsers(catalog, organizationId, before.users, after.users, `${field}.users`),
    groups: requireKind(
      catalog,
      'group',
      organizationId,
      before.groups,
      after.groups,
      `${field}.groups`,
    ),
  }
}

/** Users alone, as {@link requireAssignees}. */
export function requireUsers(
  catalog: Catalog,
  organizationId: string,
  before: readonly string[],
  after: readonly string[],
  field: string,
): readonly string[] {
  return requireKind(catalog, 'user', organizationId, before, after, field)
}

function requireKind(
  catalog: Catalog,
  kind: 'user' | 'group',
  organizationId: string,
  before: readonly string[],
  after: readonly string[],
  field: string,
): readonly string[] {
  const kept = new Set(before)
  const ids = sortIds(after)
  for (const id of ids) {
    const object = catalog.find(kind, id)
    if (object?.organizationId !== organizationId) {
      throw new ChanceryError(
        'ERR_ADMINISTRATION_REFERENCE',
        `expected the id of a ${kind} of the organization, found '${id}'`,
        { field },
      )
    }
    if (!object.isActive && !kept.has(id)) {
      throw new ChanceryError(
        'ERR_ADMINISTRATION_INACTIVE',
        `expected an active ${kind}, found '${object.name}', which is inactive`,
        { field, hints: [`activate the ${kind} first`] },
      )
    }
  }
  return ids
}
