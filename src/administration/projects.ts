import type { Catalog } from '../catalog/catalog.ts'
import type { ArtifactConfiguration, Project } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  mayAdministerProjects,
  mayConfigureProject,
  requirePermission,
} from '../policy/permission.ts'
import type { Assignees, Principal } from '../policy/principal.ts'
import { getTemplate } from '../policy/templates.ts'
import type { CreateProject, EditProject, ProjectView } from '../wire/administration.ts'
import type { AssigneesBody } from '../wire/shapes.ts'
import type { Administration } from './administration.ts'
import { NOBODY, requireAssignees } from './assignees.ts'
import {
  requireName,
  requireRepositoryUrls,
  requireSlug,
  requireText,
} from './configuration-value.ts'
import { getArtifactConfiguration, getProject } from './find-object.ts'
import { requireNotSelf } from './own-rights.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about projects. */
export type ProjectAdministration = Pick<
  Administration,
  | 'listProjects'
  | 'getProject'
  | 'createProject'
  | 'editProject'
  | 'setDefaultArtifactConfiguration'
  | 'setProjectActive'
>

const INITIAL_TEMPLATE = 'detached-raw-signatures'

/** @throws ChanceryError ERR_POLICY_FORBIDDEN if the principal does not administer projects. */
export function requireProjectAdministrator(principal: Principal): void {
  requirePermission(mayAdministerProjects(principal), 'project administrator of the organization')
}

/**
 * The project, for somebody who edits its artifact configurations.
 *
 * @throws ChanceryError ERR_POLICY_FORBIDDEN, ERR_CATALOG_MISSING as for all of {@link Administration}.
 */
export function getConfigurableProject(
  catalog: Catalog,
  principal: Principal,
  project: string,
): Project {
  const found = getProject(catalog, principal, project)
  requirePermission(
    mayConfigureProject(principal, found),
    `configurator of the project '${found.slug}', or project administrator`,
  )
  return found
}

/** @throws ChanceryError ERR_ADMINISTRATION_INACTIVE if nothing can be added to the project. */
export function requireActiveProject(project: Project): void {
  if (project.isActive) return
  throw new ChanceryError(
    'ERR_ADMINISTRATION_INACTIVE',
    `expected an active project, found '${project.slug}', which is inactive`,
    { hints: ['activate the project first'] },
  )
}

/** Assignees as they are shown. */
export function viewAssignees(assignees: Assignees): AssigneesBody {
  return { users: [...assignees.users], groups: [...assignees.groups] }
}

/** Projects; a new one has an artifact configuration to begin with. */
export function createProjectAdministration({ catalog, changes }: Services): ProjectAdministration {
  return {
    listProjects: ({ principal }) =>
      catalog
        .list('project', principal.organizationId)
        .map((project) => viewProject(catalog, project)),

    getProject: ({ principal }, project) =>
      viewProject(catalog, getProject(catalog, principal, project)),

    createProject: (caller, create) =>
      changes.run(caller, (principal, at) => {
        requireProjectAdministrator(principal)
        const [project, initial] = newProject(catalog, principal, create, at)
        return {
          objects: [
            { after: project, deed: 'Created' },
            { after: initial, deed: 'Created' },
          ],
          result: { id: project.id },
        }
      }),

    editProject: (caller, project, edit) =>
      changes.run(caller, (principal) => {
        requireProjectAdministrator(principal)
        const before = getProject(catalog, principal, project)
        const after = editedProject(catalog, principal, before, edit)
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    setDefaultArtifactConfiguration: (caller, project, change) =>
      changes.run(caller, (principal) => {
        const before = getConfigurableProject(catalog, principal, project)
        const slug = change.artifactConfigurationSlug
        const configuration = getArtifactConfiguration(catalog, principal, before, slug)
        if (!configuration.isActive) {
          throw new ChanceryError(
            'ERR_ADMINISTRATION_INACTIVE',
            `expected an active artifact configuration, found '${configuration.slug}', which is inactive`,
            { field: 'artifactConfigurationSlug', hints: ['activate it first'] },
          )
        }
        const after: Project = {
          ...before,
          version: before.version + 1,
          defaultArtifactConfigurationId: configuration.id,
        }
        return {
          objects: [{ after, deed: 'DefaultArtifactConfigurationChanged' }],
          result: undefined,
        }
      }),

    setProjectActive: (caller, project, isActive) =>
      changes.run(caller, (principal) => {
        requireProjectAdministrator(principal)
        const before = getProject(catalog, principal, project)
        const after: Project = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),
  }
}

function newProject(
  catalog: Catalog,
  principal: Principal,
  create: CreateProject,
  at: number,
): readonly [Project, ArtifactConfiguration] {
  const { organizationId } = principal
  const id = randomGuid(at)
  const initial = initialConfiguration(organizationId, id, at)
  const project: Project = {
    id,
    organizationId,
    version: 1,
    isActive: true,
    kind: 'project',
    slug: requireSlug(create.slug),
    name: requireName(create.name),
    description: requireText(create.description ?? '', 'description'),
    repositoryUrls: requireRepositoryUrls(create.repositoryUrls ?? []),
    readers: assign(catalog, principal, undefined, create.readers, 'readers'),
    configurators: assign(catalog, principal, undefined, create.configurators, 'configurators'),
    defaultArtifactConfigurationId: initial.id,
  }
  return [project, initial]
}

function editedProject(
  catalog: Catalog,
  principal: Principal,
  before: Project,
  edit: EditProject,
): Project {
  const { slug, name, repositoryUrls } = edit
  return {
    ...before,
    version: before.version + 1,
    slug: slug === undefined ? before.slug : requireSlug(slug),
    name: name === undefined ? before.name : requireName(name),
    description: requireText(edit.description ?? before.description, 'description'),
    repositoryUrls:
      repositoryUrls === undefined ? before.repositoryUrls : requireRepositoryUrls(repositoryUrls),
    readers: assign(catalog, principal, before, edit.readers, 'readers'),
    configurators: assign(catalog, principal, before, edit.configurators, 'configurators'),
  }
}

function assign(
  catalog: Catalog,
  principal: Principal,
  project: Project | undefined,
  wanted: Assignees | undefined,
  right: 'readers' | 'configurators',
): Assignees {
  const before = project?.[right]
  if (wanted === undefined) return before ?? NOBODY
  requireNotSelf(principal, before, wanted, `${right.slice(0, -1)} of a project`)
  return requireAssignees(catalog, principal.organizationId, before ?? NOBODY, wanted, right)
}

function initialConfiguration(
  organizationId: string,
  projectId: string,
  at: number,
): ArtifactConfiguration {
  return {
    id: randomGuid(at),
    organizationId,
    version: 1,
    isActive: true,
    kind: 'artifact-configuration',
    projectId,
    slug: 'initial',
    name: 'Initial version',
    xml: getTemplate(INITIAL_TEMPLATE).xml,
  }
}

function viewProject(catalog: Catalog, project: Project): ProjectView {
  const { id, version, isActive, slug, name, description, repositoryUrls } = project
  const configurationId = project.defaultArtifactConfigurationId
  const configuration =
    configurationId === null ? undefined : catalog.find('artifact-configuration', configurationId)
  return {
    id,
    version,
    isActive,
    slug,
    name,
    description,
    repositoryUrls: [...repositoryUrls],
    readers: viewAssignees(project.readers),
    configurators: viewAssignees(project.configurators),
    defaultArtifactConfigurationId: configurationId,
    defaultArtifactConfigurationSlug: configuration?.slug ?? null,
  }
}
