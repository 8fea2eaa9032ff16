import type { User } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import { mayAdministerUsers, requirePermission } from '../policy/permission.ts'
import type { Principal } from '../policy/principal.ts'
import type { UserView } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { requireEmailAddress, requireName, sortRoles } from './configuration-value.ts'
import { getUser } from './find-object.ts'
import { effectiveRoles, ownRights, requireMayRename, requireRoles } from './own-rights.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about users. */
export type UserAdministration = Pick<
  Administration,
  'listUsers' | 'getUser' | 'getMe' | 'createUser' | 'editUser' | 'setUserActive'
>

/** @throws ChanceryError ERR_POLICY_FORBIDDEN if the principal does not administer users. */
export function requireUserAdministrator(principal: Principal): void {
  requirePermission(mayAdministerUsers(principal), 'user administrator of the organization')
}

/** Users as every user of their organization sees them. */
export function createUserAdministration({ catalog, changes }: Services): UserAdministration {
  return {
    listUsers({ principal }, userType) {
      return catalog
        .list('user', principal.organizationId)
        .filter((user) => userType === undefined || user.userType === userType)
        .map(viewUser)
    },

    getUser: ({ principal }, userId) => viewUser(getUser(catalog, principal, userId)),

    getMe: ({ principal }) => viewUser(getUser(catalog, principal, principal.userId)),

    createUser: (caller, userType, create) =>
      changes.run(caller, (principal, at) => {
        requireUserAdministrator(principal)
        const roles = sortRoles(create.roles ?? [])
        requireRoles(principal, roles)
        const user: User = {
          id: randomGuid(at),
          organizationId: principal.organizationId,
          version: 1,
          isActive: true,
          kind: 'user',
          userType,
          name: requireName(create.name),
          emailAddress: requireEmailAddress(create.emailAddress ?? null),
          roles,
        }
        return { objects: [{ after: user, deed: 'Created' }], result: { id: user.id } }
      }),

    editUser: (caller, userId, edit) =>
      changes.run(caller, (principal) => {
        requireUserAdministrator(principal)
        const before = getUser(catalog, principal, userId)
        requireRoles(principal, effectiveRoles(catalog, before))
        const roles = edit.roles === undefined ? before.roles : sortRoles(edit.roles)
        if (before.id === principal.userId && roles.join() !== before.roles.join()) {
          throw ownRights('change their own roles')
        }
        requireRoles(principal, roles)
        const name = edit.name === undefined ? before.name : requireName(edit.name)
        requireMayRename(catalog, principal, before, name)
        const { emailAddress } = edit
        const after: User = {
          ...before,
          version: before.version + 1,
          name,
          emailAddress:
            emailAddress === undefined ? before.emailAddress : requireEmailAddress(emailAddress),
          roles,
        }
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    setUserActive: (caller, userId, isActive) =>
      changes.run(caller, (principal) => {
        requireUserAdministrator(principal)
        const before = getUser(catalog, principal, userId)
        requireRoles(principal, effectiveRoles(catalog, before))
        const after: User = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),
  }
}

function viewUser(user: User): UserView {
  const { id, version, isActive, userType, name, emailAddress, roles } = user
  return { id, version, isActive, userType, name, emailAddress, roles: [...roles] }
}
