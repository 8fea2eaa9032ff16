import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { ServerFlags } from '../flags.ts'
import { readUserFile } from '../local-files.ts'
import { formatFields, formatTable } from '../text-table.ts'

const MAX_XML_BYTES = 1_000_000

/** `chancery projects list` */
export async function listProjects(this: CliContext, flags: ServerFlags): Promise<void> {
  const client = await connect(this, flags)
  const projects = await client.administration.listProjects()
  this.output.result(flags.json, { projects }, () =>
    formatTable(
      ['SLUG', 'NAME', 'DEFAULT CONFIGURATION', 'ACTIVE', 'ID'],
      projects.map((project) => [
        project.slug,
        project.name,
        project.defaultArtifactConfigurationSlug ?? '',
        project.isActive ? 'yes' : 'no',
        project.id,
      ]),
    ),
  )
}

/** `chancery projects show` */
export async function showProject(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const project = await client.administration.getProject(slug)
  this.output.result(flags.json, project, () =>
    formatFields([
      ['Project', `${project.slug} (${project.name})`],
      ['Id', project.id],
      ['Version', project.version],
      ['Active', project.isActive ? 'yes' : 'no'],
      ['Description', project.description === '' ? null : project.description],
      ['Repositories', project.repositoryUrls.join(', ')],
      ['Default configuration', project.defaultArtifactConfigurationSlug],
    ]),
  )
}

/** `chancery projects create` */
export async function createProject(
  this: CliContext,
  flags: ServerFlags & {
    readonly name?: string
    readonly description?: string
    readonly repositoryUrl?: readonly string[]
  },
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const { id } = await client.administration.createProject({
    slug,
    name: flags.name ?? slug,
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(flags.repositoryUrl === undefined ? {} : { repositoryUrls: [...flags.repositoryUrl] }),
  })
  this.output.result(flags.json, { id }, () => `Created project ${slug} (${id}).`)
}

/** `chancery projects activate` */
export async function activateProject(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setProjectActive(slug, true)
  this.output.result(flags.json, { slug, isActive: true }, () => `${slug} is active.`)
}

/** `chancery projects deactivate` */
export async function deactivateProject(
  this: CliContext,
  flags: ServerFlags,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setProjectActive(slug, false)
  this.output.result(flags.json, { slug, isActive: false }, () => `${slug} signs nothing any more.`)
}

/** `chancery configurations list` */
export async function listConfigurations(
  this: CliContext,
  flags: ServerFlags,
  project: string,
): Promise<void> {
  const client = await connect(this, flags)
  const artifactConfigurations = await client.administration.listArtifactConfigurations(project)
  this.output.result(flags.json, { artifactConfigurations }, () =>
    formatTable(
      ['SLUG', 'NAME', 'VERSION', 'DEFAULT', 'ACTIVE'],
      artifactConfigurations.map((configuration) => [
        configuration.slug,
        configuration.name,
        String(configuration.version),
        configuration.isDefault ? 'yes' : 'no',
        configuration.isActive ? 'yes' : 'no',
      ]),
    ),
  )
}

/** `chancery configurations show`: the XML, exactly as it was given. */
export async function showConfiguration(
  this: CliContext,
  flags: ServerFlags,
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const configuration = await client.administration.getArtifactConfiguration(project, slug)
  this.output.result(flags.json, configuration, () => configuration.xml)
}

/** `chancery configurations create` */
export async function createConfiguration(
  this: CliContext,
  flags: ServerFlags & {
    readonly name?: string
    readonly file?: string
    readonly template?: string
  },
  project: string,
  slug: string,
): Promise<void> {
  const xml = flags.file === undefined ? undefined : await readXml(flags.file)
  const client = await connect(this, flags)
  const { id } = await client.administration.createArtifactConfiguration(project, {
    slug,
    name: flags.name ?? slug,
    ...(xml === undefined ? {} : { xml }),
    ...(flags.template === undefined ? {} : { template: flags.template }),
  })
  this.output.result(flags.json, { id }, () => `Created artifact configuration ${slug} (${id}).`)
}

/** `chancery configurations update` */
export async function updateConfiguration(
  this: CliContext,
  flags: ServerFlags & { readonly file: string },
  project: string,
  slug: string,
): Promise<void> {
  const xml = await readXml(flags.file)
  const client = await connect(this, flags)
  await client.administration.editArtifactConfigurationXml(project, slug, xml)
  this.output.result(flags.json, { slug }, () => `Changed artifact configuration ${slug}.`)
}

/** `chancery configurations set-default` */
export async function setDefaultConfiguration(
  this: CliContext,
  flags: ServerFlags,
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setDefaultArtifactConfiguration(project, slug)
  this.output.result(flags.json, { slug }, () => `${slug} is the default of ${project}.`)
}

async function readXml(path: string): Promise<string> {
  return new TextDecoder('utf-8').decode(await readUserFile(path, MAX_XML_BYTES))
}
