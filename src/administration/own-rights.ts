import type { Catalog } from '../catalog/catalog.ts'
import type { Group, User } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { rolesOf } from '../identity/principal-of.ts'
import { mayAdministerProjects, requirePermission } from '../policy/permission.ts'
import type { Assignees, Principal, Role } from '../policy/principal.ts'

/*
 * Nobody raises their own rights, neither directly nor through a group, a friend or a second account: what somebody
 * hands out, they hold or administer, and never to themselves. A Global Administrator administers every right.
 */

/** The error of a change that would give its author a right. */
export function ownRights(what: string): ChanceryError {
  return new ChanceryError('ERR_POLICY_OWN_RIGHTS', `nobody can ${what}`, {
    hints: ['have another administrator make this change'],
  })
}

function isGlobalAdministrator(principal: Principal): boolean {
  return principal.roles.has('GlobalAdministrator')
}

/**
 * Lets a principal administer a user or group only if it holds every role that this user or group has and is to have.
 *
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if a role is missing.
 */
export function requireRoles(principal: Principal, roles: Iterable<Role>): void {
  if (isGlobalAdministrator(principal)) return
  for (const role of roles) {
    requirePermission(
      principal.roles.has(role),
      `${role}, which is granted, changed and taken away only by those who have it and by Global Administrators`,
    )
  }
}

/** The roles a user has by itself and by its active groups. */
export function effectiveRoles(catalog: Catalog, user: User): ReadonlySet<Role> {
  return rolesOf(user, catalog.groupsOf(user.id))
}

/**
 * Lets a principal issue a token for a user only if the token gives it nothing it does not have already.
 *
 * @throws ChanceryError ERR_POLICY_OWN_RIGHTS if the user has a role or is assigned where the principal is not.
 */
export function requireNoMoreRights(catalog: Catalog, principal: Principal, user: User): void {
  if (isGlobalAdministrator(principal)) return
  for (const role of effectiveRoles(catalog, user)) {
    if (principal.roles.has(role)) continue
    throw ownRights(`issue a token for a user with a role they do not have themselves: ${role}`)
  }
  const groupIds = catalog.groupsOf(user.id).map((group) => group.id)
  const more = unheldAssignment(catalog, principal, (assignees) =>
    names(assignees, user.id, groupIds),
  )
  if (more !== undefined) {
    throw ownRights(`issue a token for a user with a right they do not have themselves: ${more}`)
  }
}

/**
 * Lets a principal rename a user or group only if it holds or administers what that one is assigned: whoever assigns
 * rights by name, as `chancery apply` does, would give them to the next who gets the name.
 *
 * @throws ChanceryError ERR_POLICY_OWN_RIGHTS if the user or group is assigned where the principal is not.
 */
export function requireMayRename(
  catalog: Catalog,
  principal: Principal,
  before: User | Group,
  name: string,
): void {
  if (name === before.name) return
  const more = unheldAssignment(catalog, principal, (assignees) =>
    names(assignees, before.id, [before.id]),
  )
  if (more !== undefined) {
    throw ownRights(`rename a ${before.kind} with a right they do not have themselves: ${more}`)
  }
}

/**
 * Lets a principal put users into a group, or make such a group active again, only if nobody gets a right from it that
 * the principal neither holds nor administers, and the principal itself gets none at all.
 *
 * @param added Ids of the users who get what the group has.
 * @throws ChanceryError ERR_POLICY_FORBIDDEN, ERR_POLICY_OWN_RIGHTS.
 */
export function requireMayAdd(
  catalog: Catalog,
  principal: Principal,
  group: Group,
  added: readonly string[],
): void {
  if (added.length === 0) return
  requireRoles(principal, group.roles)
  if (added.includes(principal.userId)) {
    const assignment = findAssignment(catalog, principal.organizationId, (assignees) =>
      assignees.groups.includes(group.id),
    )
    if (group.roles.length > 0 || assignment !== undefined) {
      throw ownRights('become an active member of a group with rights by their own doing')
    }
  }
  const more = unheldAssignment(catalog, principal, (assignees) =>
    assignees.groups.includes(group.id),
  )
  requirePermission(
    more === undefined,
    `${more ?? ''}; those who do not have this right themselves cannot give it to members of the group '${group.name}'`,
  )
}

/**
 * Lets a principal assign rights to anybody but itself and the groups it is in.
 *
 * @param before The assignees as they are, or undefined for a new object.
 * @throws ChanceryError ERR_POLICY_OWN_RIGHTS if it is among those added.
 */
export function requireNotSelf(
  principal: Principal,
  before: Assignees | undefined,
  after: Assignees,
  what: string,
): void {
  const addsUser =
    after.users.includes(principal.userId) && before?.users.includes(principal.userId) !== true
  const addsGroup = after.groups.some(
    (id) => principal.groupIds.has(id) && before?.groups.includes(id) !== true,
  )
  if (addsUser || addsGroup) throw ownRights(`make themselves, or a group they are in, a ${what}`)
}

function unheldAssignment(
  catalog: Catalog,
  principal: Principal,
  isNamed: (assignees: Assignees) => boolean,
): string | undefined {
  if (mayAdministerProjects(principal)) return undefined
  return findAssignment(
    catalog,
    principal.organizationId,
    (assignees) =>
      isNamed(assignees) && !names(assignees, principal.userId, [...principal.groupIds]),
  )
}

function names(assignees: Assignees, userId: string, groupIds: readonly string[]): boolean {
  return assignees.users.includes(userId) || assignees.groups.some((id) => groupIds.includes(id))
}

function findAssignment(
  catalog: Catalog,
  organizationId: string,
  matches: (assignees: Assignees) => boolean,
): string | undefined {
  for (const project of catalog.list('project', organizationId)) {
    if (matches(project.readers)) return `reader of the project '${project.slug}'`
    if (matches(project.configurators)) return `configurator of the project '${project.slug}'`
  }
  for (const policy of catalog.list('signing-policy', organizationId)) {
    if (matches(policy.submitters)) return `submitter of the signing policy '${policy.slug}'`
    if (matches(policy.approvers)) return `approver of the signing policy '${policy.slug}'`
  }
  return undefined
}
