import type { ChanceryClient } from '../../client/chancery-client.ts'
import type { DesiredState } from '../../config/chancery-yaml.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import type {
  ArtifactConfigurationView,
  CertificateView,
  GroupView,
  OrganizationView,
  ProjectView,
  SigningPolicyView,
  UserView,
} from '../../wire/administration.ts'

/** A project of the server with what belongs to it. */
export interface ActualProject {
  readonly project: ProjectView
  readonly artifactConfigurations: readonly ArtifactConfigurationView[]
  readonly signingPolicies: readonly SigningPolicyView[]
}

/** What the server has of what the file is about. */
export interface ActualState {
  readonly organization: OrganizationView
  readonly users: readonly UserView[]
  readonly groups: readonly GroupView[]
  readonly certificates: readonly CertificateView[]
  /** Those that the file names. */
  readonly projects: readonly ActualProject[]
}

/** Reads it. Only what the file needs is asked for, so that a project administrator can apply a file of projects. */
export async function readActualState(
  client: ChanceryClient,
  desired: DesiredState,
): Promise<ActualState> {
  const needsPeople = desired.users.length > 0 || desired.groups.length > 0 || namesPeople(desired)
  const organization = await client.administration.getOrganization()
  const users = needsPeople ? await client.administration.listUsers() : []
  const groups = needsPeople ? await client.administration.listGroups() : []
  const certificates =
    desired.certificates.length > 0 ? await client.administration.listCertificates() : []
  const projects: ActualProject[] = []
  for (const { slug } of desired.projects) {
    const project = await findProject(client, slug)
    if (project === undefined) continue
    projects.push({
      project,
      artifactConfigurations: await client.administration.listArtifactConfigurations(slug),
      signingPolicies: await client.administration.listSigningPolicies(slug),
    })
  }
  return { organization, users, groups, certificates, projects }
}

async function findProject(client: ChanceryClient, slug: string): Promise<ProjectView | undefined> {
  try {
    return await client.administration.getProject(slug)
  } catch (thrown) {
    const isAbsent = thrown instanceof ChanceryError && thrown.kind === 'missing'
    if (isAbsent) return undefined
    throw thrown
  }
}

function namesPeople({ projects }: DesiredState): boolean {
  return projects.some(
    (project) =>
      project.readers !== undefined ||
      project.configurators !== undefined ||
      project.signingPolicies.some(
        (policy) => policy.submitters !== undefined || policy.approvers !== undefined,
      ),
  )
}
