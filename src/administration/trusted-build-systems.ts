import type { TrustedBuildSystem } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import { createToken } from '../identity/secret-token.ts'
import { mayAdministerTrustedBuildSystems, requirePermission } from '../policy/permission.ts'
import type { Principal } from '../policy/principal.ts'
import type { TrustedBuildSystemView } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { requireName, requireSlug, requireText } from './configuration-value.ts'
import { getTrustedBuildSystem } from './find-object.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about trusted build systems. */
export type TrustedBuildSystemAdministration = Pick<
  Administration,
  | 'listTrustedBuildSystems'
  | 'addCustomTrustedBuildSystem'
  | 'regenerateTrustedBuildSystemToken'
  | 'setTrustedBuildSystemActive'
>

/** Custom trusted build systems; each has one token, which is shown when it is made. */
export function createTrustedBuildSystemAdministration({
  catalog,
  changes,
}: Services): TrustedBuildSystemAdministration {
  return {
    listTrustedBuildSystems: ({ principal }) =>
      catalog.list('trusted-build-system', principal.organizationId).map(viewBuildSystem),

    addCustomTrustedBuildSystem: (caller, create) =>
      changes.run(caller, (principal, at) => {
        requireBuildSystemAdministrator(principal)
        const { token, hash } = createToken()
        const after: TrustedBuildSystem = {
          id: randomGuid(at),
          organizationId: principal.organizationId,
          version: 1,
          isActive: true,
          kind: 'trusted-build-system',
          slug: requireSlug(create.slug),
          name: requireName(create.name),
          description: requireText(create.description ?? '', 'description'),
          tokenHash: hash,
        }
        return {
          objects: [{ after, deed: 'CustomAdded' }],
          result: { id: after.id, trustedBuildSystemToken: token },
        }
      }),

    regenerateTrustedBuildSystemToken: (caller, slug) =>
      changes.run(caller, (principal) => {
        requireBuildSystemAdministrator(principal)
        const before = getTrustedBuildSystem(catalog, principal, slug)
        const { token, hash } = createToken()
        const after = { ...before, version: before.version + 1, tokenHash: hash }
        return {
          objects: [{ after, deed: 'TokenRegenerated' }],
          result: { id: after.id, trustedBuildSystemToken: token },
        }
      }),

    setTrustedBuildSystemActive: (caller, slug, isActive) =>
      changes.run(caller, (principal) => {
        requireBuildSystemAdministrator(principal)
        const before = getTrustedBuildSystem(catalog, principal, slug)
        const after: TrustedBuildSystem = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),
  }
}

function requireBuildSystemAdministrator(principal: Principal): void {
  requirePermission(
    mayAdministerTrustedBuildSystems(principal),
    'global administrator of the organization',
  )
}

function viewBuildSystem(buildSystem: TrustedBuildSystem): TrustedBuildSystemView {
  const { id, version, isActive, slug, name, description } = buildSystem
  return { id, version, isActive, slug, name, description }
}
