import type { Catalog } from '../catalog/catalog.ts'
import type {
  ArtifactConfiguration,
  CatalogObject,
  Certificate,
  Group,
  Project,
  SigningPolicy,
  TrustedBuildSystem,
  User,
} from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { mayReadOrganization } from '../policy/permission.ts'
import type { Principal } from '../policy/principal.ts'

/*
 * What is not there and what is another organization's are told by the same error, and only those who may read the
 * whole organization are told that it is missing. As in SignPath, where unknown resources answer 403.
 */

/** @throws ChanceryError ERR_POLICY_FORBIDDEN, ERR_CATALOG_MISSING as for all of {@link Administration}. */
export function getProject(catalog: Catalog, principal: Principal, project: string): Project {
  return found(
    principal,
    'project',
    project,
    catalog.findProject(principal.organizationId, project),
  )
}

/** The parent project is looked up first. @throws ChanceryError as {@link getProject}. */
export function getArtifactConfiguration(
  catalog: Catalog,
  principal: Principal,
  project: Project,
  slug: string,
): ArtifactConfiguration {
  const object = catalog.findArtifactConfiguration(project.id, slug)
  return found(principal, 'artifact configuration', slug, object)
}

/** The parent project is looked up first. @throws ChanceryError as {@link getProject}. */
export function getSigningPolicy(
  catalog: Catalog,
  principal: Principal,
  project: Project,
  slug: string,
): SigningPolicy {
  return found(principal, 'signing policy', slug, catalog.findSigningPolicy(project.id, slug))
}

/** @throws ChanceryError as {@link getProject}. */
export function getCertificate(catalog: Catalog, principal: Principal, slug: string): Certificate {
  const object = catalog.findCertificate(principal.organizationId, slug)
  return found(principal, 'certificate', slug, object)
}

/** @throws ChanceryError as {@link getProject}. */
export function getUser(catalog: Catalog, principal: Principal, user: string): User {
  return found(principal, 'user', user, catalog.findUser(principal.organizationId, user))
}

/** @throws ChanceryError as {@link getProject}. */
export function getGroup(catalog: Catalog, principal: Principal, group: string): Group {
  return found(principal, 'group', group, catalog.findGroup(principal.organizationId, group))
}

/** @throws ChanceryError as {@link getProject}. */
export function getTrustedBuildSystem(
  catalog: Catalog,
  principal: Principal,
  slug: string,
): TrustedBuildSystem {
  const object = catalog.findTrustedBuildSystem(principal.organizationId, slug)
  return found(principal, 'trusted build system', slug, object)
}

/** The error of an object that is not there, or not there for this principal. */
export function missing(principal: Principal, what: string, label: string): ChanceryError {
  const named = `${what} '${label.slice(0, 200)}'`
  return mayReadOrganization(principal)
    ? new ChanceryError('ERR_CATALOG_MISSING', `there is no ${named} in the organization`)
    : new ChanceryError(
        'ERR_POLICY_FORBIDDEN',
        `there is no ${named} in the organization, or you may not use it`,
      )
}

function found<T extends CatalogObject>(
  principal: Principal,
  what: string,
  label: string,
  object: T | undefined,
): T {
  if (object === undefined) throw missing(principal, what, label)
  return object
}
