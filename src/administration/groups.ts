import type { Group } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import type { Caller } from '../policy/caller.ts'
import type { GroupView } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { requireUsers } from './assignees.ts'
import { requireName, sortRoles } from './configuration-value.ts'
import { getGroup } from './find-object.ts'
import { ownRights, requireMayAdd, requireMayRename, requireRoles } from './own-rights.ts'
import type { Services } from './services.ts'
import { requireUserAdministrator } from './users.ts'

/** The part of {@link Administration} about groups. */
export type GroupAdministration = Pick<
  Administration,
  | 'listGroups'
  | 'getGroup'
  | 'createGroup'
  | 'editGroup'
  | 'changeMembers'
  | 'modifyMembers'
  | 'setGroupActive'
>

/** Groups; what a group may do, its active members may do. */
export function createGroupAdministration({ catalog, changes }: Services): GroupAdministration {
  /** @param decide The members as they are to become. */
  function setMembers(
    caller: Caller,
    groupId: string,
    decide: (members: readonly string[]) => readonly string[],
  ): Promise<void> {
    return changes.run(caller, (principal) => {
      requireUserAdministrator(principal)
      const before = getGroup(catalog, principal, groupId)
      requireRoles(principal, before.roles)
      const members = requireUsers(
        catalog,
        principal.organizationId,
        before.members,
        decide(before.members),
        'members',
      )
      const present = new Set(before.members)
      const added = members.filter((userId) => !present.has(userId))
      requireMayAdd(catalog, principal, before, added)
      const after: Group = { ...before, version: before.version + 1, members }
      return { objects: [{ after, deed: 'MembersChanged' }], result: undefined }
    })
  }

  return {
    listGroups: ({ principal }) => catalog.list('group', principal.organizationId).map(viewGroup),

    getGroup: ({ principal }, groupId) => viewGroup(getGroup(catalog, principal, groupId)),

    createGroup: (caller, create) =>
      changes.run(caller, (principal, at) => {
        requireUserAdministrator(principal)
        const { organizationId } = principal
        const after: Group = {
          id: randomGuid(at),
          organizationId,
          version: 1,
          isActive: true,
          kind: 'group',
          name: requireName(create.name),
          roles: sortRoles(create.roles ?? []),
          members: requireUsers(catalog, organizationId, [], create.members ?? [], 'members'),
        }
        requireRoles(principal, after.roles)
        requireMayAdd(catalog, principal, after, after.members)
        return { objects: [{ after, deed: 'Created' }], result: { id: after.id } }
      }),

    editGroup: (caller, groupId, edit) =>
      changes.run(caller, (principal) => {
        requireUserAdministrator(principal)
        const before = getGroup(catalog, principal, groupId)
        requireRoles(principal, before.roles)
        const roles = edit.roles === undefined ? before.roles : sortRoles(edit.roles)
        requireRoles(principal, roles)
        const adds = roles.some((role) => !before.roles.includes(role))
        if (adds && before.members.includes(principal.userId)) {
          throw ownRights('give a role to a group they are in')
        }
        const name = edit.name === undefined ? before.name : requireName(edit.name)
        requireMayRename(catalog, principal, before, name)
        const after: Group = { ...before, version: before.version + 1, name, roles }
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    changeMembers: (caller, groupId, change) => setMembers(caller, groupId, () => change.members),

    modifyMembers: (caller, groupId, change) =>
      setMembers(caller, groupId, (members) => {
        const removed = new Set(change.remove)
        return [...members.filter((userId) => !removed.has(userId)), ...(change.add ?? [])]
      }),

    setGroupActive: (caller, groupId, isActive) =>
      changes.run(caller, (principal) => {
        requireUserAdministrator(principal)
        const before = getGroup(catalog, principal, groupId)
        requireRoles(principal, before.roles)
        if (isActive && !before.isActive) requireMayAdd(catalog, principal, before, before.members)
        const after: Group = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),
  }
}

function viewGroup(group: Group): GroupView {
  const { id, version, isActive, name, roles, members } = group
  return { id, version, isActive, name, roles: [...roles], members: [...members] }
}
