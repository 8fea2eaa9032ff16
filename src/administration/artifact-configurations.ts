import type { ArtifactConfiguration, Project } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseArtifactConfiguration } from '../policy/artifact-configuration.ts'
import { getTemplate } from '../policy/templates.ts'
import type { ArtifactConfigurationView } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { badValue, requireName, requireSlug } from './configuration-value.ts'
import { getArtifactConfiguration, getProject } from './find-object.ts'
import { getConfigurableProject, requireActiveProject } from './projects.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about artifact configurations. */
export type ArtifactConfigurationAdministration = Pick<
  Administration,
  | 'listArtifactConfigurations'
  | 'getArtifactConfiguration'
  | 'createArtifactConfiguration'
  | 'editArtifactConfiguration'
  | 'editArtifactConfigurationXml'
  | 'setArtifactConfigurationActive'
>

/** Artifact configurations; their XML is kept as it was given, and only if it can be used. */
export function createArtifactConfigurationAdministration({
  catalog,
  changes,
}: Services): ArtifactConfigurationAdministration {
  return {
    listArtifactConfigurations({ principal }, project) {
      const parent = getProject(catalog, principal, project)
      return catalog
        .list('artifact-configuration', parent.id)
        .map((configuration) => viewConfiguration(parent, configuration))
    },

    getArtifactConfiguration({ principal }, project, slug) {
      const parent = getProject(catalog, principal, project)
      return viewConfiguration(parent, getArtifactConfiguration(catalog, principal, parent, slug))
    },

    createArtifactConfiguration: (caller, project, create) =>
      changes.run(caller, (principal, at) => {
        const parent = getConfigurableProject(catalog, principal, project)
        const after: ArtifactConfiguration = {
          id: randomGuid(at),
          organizationId: parent.organizationId,
          version: 1,
          isActive: true,
          kind: 'artifact-configuration',
          projectId: parent.id,
          slug: requireSlug(create.slug),
          name: requireName(create.name),
          xml: chooseXml(create.xml, create.template),
        }
        requireActiveProject(parent)
        return { objects: [{ after, deed: 'Created' }], result: { id: after.id } }
      }),

    editArtifactConfiguration: (caller, project, slug, edit) =>
      changes.run(caller, (principal) => {
        const parent = getConfigurableProject(catalog, principal, project)
        const before = getArtifactConfiguration(catalog, principal, parent, slug)
        const after: ArtifactConfiguration = {
          ...before,
          version: before.version + 1,
          slug: edit.slug === undefined ? before.slug : requireSlug(edit.slug),
          name: edit.name === undefined ? before.name : requireName(edit.name),
        }
        return { objects: [{ after, deed: 'Edited' }], result: undefined }
      }),

    editArtifactConfigurationXml: (caller, project, slug, edit) =>
      changes.run(caller, (principal) => {
        const parent = getConfigurableProject(catalog, principal, project)
        const before = getArtifactConfiguration(catalog, principal, parent, slug)
        const xml = requireXml(edit.xml)
        const after: ArtifactConfiguration = { ...before, version: before.version + 1, xml }
        return { objects: [{ after, deed: 'XmlEdited' }], result: undefined }
      }),

    setArtifactConfigurationActive: (caller, project, slug, isActive) =>
      changes.run(caller, (principal) => {
        const parent = getConfigurableProject(catalog, principal, project)
        const before = getArtifactConfiguration(catalog, principal, parent, slug)
        if (!isActive && parent.defaultArtifactConfigurationId === before.id) {
          throw new ChanceryError(
            'ERR_ADMINISTRATION_IN_USE',
            `'${before.slug}' is the default artifact configuration of the project '${parent.slug}'`,
            { hints: ['make another artifact configuration the default first'] },
          )
        }
        const after: ArtifactConfiguration = { ...before, version: before.version + 1, isActive }
        const deed = isActive ? 'Activated' : 'Deactivated'
        return { objects: [{ after, deed }], result: undefined }
      }),
  }
}

function chooseXml(xml: string | undefined, template: string | undefined): string {
  if ((xml === undefined) === (template === undefined)) {
    throw badValue('xml', 'expected either `xml` or the name of a `template`')
  }
  return template === undefined ? requireXml(xml ?? '') : getTemplate(template).xml
}

/** What cannot be used to sign is not kept. */
function requireXml(xml: string): string {
  parseArtifactConfiguration(xml)
  return xml
}

function viewConfiguration(
  project: Project,
  configuration: ArtifactConfiguration,
): ArtifactConfigurationView {
  const { id, version, isActive, slug, name, xml } = configuration
  return {
    id,
    version,
    isActive,
    projectSlug: project.slug,
    slug,
    name,
    isDefault: project.defaultArtifactConfigurationId === id,
    xml,
  }
}
