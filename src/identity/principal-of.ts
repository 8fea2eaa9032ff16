import type { Catalog } from '../catalog/catalog.ts'
import type { Group, User } from '../catalog/objects.ts'
import type { Principal, Role } from '../policy/principal.ts'

/** A user's own roles and those of the given groups. */
export function rolesOf(user: User, groups: readonly Group[]): ReadonlySet<Role> {
  return new Set([...user.roles, ...groups.flatMap((group) => group.roles)])
}

/**
 * The principal that a token of the user stands for, by what the catalog says now.
 *
 * @returns undefined where the user or its organization is not active or not there.
 */
export function principalOf(
  catalog: Catalog,
  userId: string,
  tokenId: string,
): Principal | undefined {
  const user = catalog.find('user', userId)
  if (user?.isActive !== true) return undefined
  if (catalog.find('organization', user.organizationId)?.isActive !== true) return undefined
  const groups = catalog.groupsOf(user.id)
  return {
    organizationId: user.organizationId,
    userId: user.id,
    userName: user.name,
    userType: user.userType,
    tokenId,
    roles: rolesOf(user, groups),
    groupIds: new Set(groups.map((group) => group.id)),
  }
}
