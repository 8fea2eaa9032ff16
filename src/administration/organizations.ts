import type { Organization } from '../catalog/objects.ts'
import { mayAdministerOrganization, requirePermission } from '../policy/permission.ts'
import type { OrganizationView } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { objectEvent, traceOf } from './audit-events.ts'
import { requireName } from './configuration-value.ts'
import { missing } from './find-object.ts'
import { newOrganization, tellOrganization } from './found.ts'
import type { Services } from './services.ts'
import type { Principal } from '../policy/principal.ts'

/** The part of {@link Administration} about organizations. */
export type OrganizationAdministration = Pick<
  Administration,
  'getOrganization' | 'editOrganization' | 'createOrganization'
>

/** The caller's own organization, and the making of further ones. */
export function createOrganizationAdministration({
  catalog,
  changes,
}: Services): OrganizationAdministration {
  function getOrganization(principal: Principal): Organization {
    const organization = catalog.find('organization', principal.organizationId)
    if (organization === undefined) {
      throw missing(principal, 'organization', principal.organizationId)
    }
    return organization
  }

  return {
    getOrganization: ({ principal }) => viewOrganization(getOrganization(principal)),

    editOrganization: (caller, edit) =>
      changes.run(caller, (principal) => {
        requirePermission(
          mayAdministerOrganization(principal),
          'global administrator of the organization',
        )
        const before = getOrganization(principal)
        const after: Organization = {
          ...before,
          version: before.version + 1,
          name: edit.name === undefined ? before.name : requireName(edit.name),
          artifactRetentionDays: edit.artifactRetentionDays ?? before.artifactRetentionDays,
        }
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    createOrganization: (caller, create) =>
      changes.run(caller, (principal, at) => {
        requirePermission(
          mayAdministerOrganization(principal) &&
            principal.organizationId === catalog.foundingOrganizationId,
          'global administrator of the organization that `chancery init` made',
        )
        const made = newOrganization(create.name, at)
        const { organization, administrator, token } = made
        // Both sides see it in their own log: those who made it, and those it belongs to.
        const event = objectEvent(traceOf(caller, at), 'Created', undefined, organization)
        return {
          objects: [
            { after: organization, deed: 'Created' },
            { after: administrator, deed: 'Created' },
          ],
          tokens: [token.change],
          events: [{ ...event, organizationId: principal.organizationId }],
          result: tellOrganization(made),
        }
      }),
  }
}

function viewOrganization(organization: Organization): OrganizationView {
  const { id, version, isActive, name, artifactRetentionDays } = organization
  return { id, version, isActive, name, artifactRetentionDays }
}
