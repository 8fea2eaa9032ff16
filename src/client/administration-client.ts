import type * as administration from '../wire/administration.ts'
import type { Created } from '../wire/shapes.ts'
import type { CertificateFile, DownloadedFile, FileToUpload, UserReference } from './contract.ts'
import { optionalPart } from './multipart.ts'
import { readList, readObject, type Rest } from './rest.ts'
import {
  API_TOKEN_VIEW,
  ARTIFACT_CONFIGURATION_VIEW,
  CERTIFICATE_VIEW,
  CREATED,
  CREATED_API_TOKEN,
  CREATED_ORGANIZATION,
  GROUP_VIEW,
  ORGANIZATION_VIEW,
  PROJECT_VIEW,
  SIGNING_POLICY_VIEW,
  USER_VIEW,
} from './shapes.ts'

/** The objects that can be activated and deactivated. */
type Kind = 'InteractiveUsers' | 'CIUsers' | 'UserGroups' | 'Projects' | 'Certificates'

/**
 * The routes of the configured world, one method each, named as {@link Administration} names the operation: users, groups,
 * projects, artifact configurations, signing policies, certificates.
 *
 * Objects are named by slug or id, users and groups by id. What a method throws says {@link ChanceryClient}.
 */
export class AdministrationClient {
  readonly #rest: Rest

  constructor(rest: Rest) {
    this.#rest = rest
  }

  // Organization, users and groups

  async getOrganization(): Promise<administration.OrganizationView> {
    return readObject(await this.#rest.get(this.#rest.path('Organization')), ORGANIZATION_VIEW)
  }

  async editOrganization(edit: administration.EditOrganization): Promise<void> {
    await this.#rest.post(this.#rest.path('Organization', 'Edit'), edit)
  }

  /** A new tenant, for the Global Administrators of the first one. */
  async createOrganization(
    create: administration.CreateOrganization,
  ): Promise<administration.CreatedOrganization> {
    const answer = await this.#rest.post('/Api/v1-pre/Organizations', create)
    return readObject(answer, CREATED_ORGANIZATION)
  }

  async listUsers(userType?: 'interactive' | 'ci'): Promise<readonly administration.UserView[]> {
    const kind = userType === undefined ? 'Users' : usersOf(userType)
    return readList(await this.#rest.get(this.#rest.path(kind)), 'users', USER_VIEW)
  }

  async getMe(): Promise<administration.UserView> {
    return readObject(await this.#rest.get(this.#rest.path('InteractiveUsers', 'Me')), USER_VIEW)
  }

  async createUser(
    userType: 'interactive' | 'ci',
    create: administration.CreateUser,
  ): Promise<Created> {
    return readObject(await this.#rest.post(this.#rest.path(usersOf(userType)), create), CREATED)
  }

  async editUser(user: UserReference, edit: administration.EditUser): Promise<void> {
    await this.#rest.post(this.#rest.path(usersOf(user.userType), user.id, 'Edit'), edit)
  }

  async setUserActive(user: UserReference, isActive: boolean): Promise<void> {
    await this.#setActive(usersOf(user.userType), user.id, isActive)
  }

  async createApiToken(
    user: UserReference,
    create: administration.CreateApiToken,
  ): Promise<administration.CreatedApiToken> {
    const answer = await this.#rest.post(
      this.#rest.path(usersOf(user.userType), user.id, 'ApiTokens'),
      create,
    )
    return readObject(answer, CREATED_API_TOKEN)
  }

  async listApiTokens(user: UserReference): Promise<readonly administration.ApiTokenView[]> {
    return readList(
      await this.#rest.get(this.#rest.path(usersOf(user.userType), user.id, 'ApiTokens')),
      'apiTokens',
      API_TOKEN_VIEW,
    )
  }

  async revokeApiToken(user: UserReference, tokenId: string): Promise<void> {
    await this.#rest.post(
      this.#rest.path(usersOf(user.userType), user.id, 'ApiTokens', tokenId, 'Revoke'),
    )
  }

  async listGroups(): Promise<readonly administration.GroupView[]> {
    return readList(await this.#rest.get(this.#rest.path('UserGroups')), 'groups', GROUP_VIEW)
  }

  async createGroup(create: administration.CreateGroup): Promise<Created> {
    return readObject(await this.#rest.post(this.#rest.path('UserGroups'), create), CREATED)
  }

  async editGroup(groupId: string, edit: administration.EditGroup): Promise<void> {
    await this.#rest.post(this.#rest.path('UserGroups', groupId, 'Edit'), edit)
  }

  async changeMembers(groupId: string, change: administration.ChangeMembers): Promise<void> {
    await this.#rest.post(this.#rest.path('UserGroups', groupId, 'ChangeMembers'), change)
  }

  async modifyMembers(groupId: string, change: administration.ModifyMembers): Promise<void> {
    await this.#rest.post(this.#rest.path('UserGroups', groupId, 'ModifyMembers'), change)
  }

  async setGroupActive(groupId: string, isActive: boolean): Promise<void> {
    await this.#setActive('UserGroups', groupId, isActive)
  }

  // Projects, artifact configurations, signing policies

  async listProjects(): Promise<readonly administration.ProjectView[]> {
    return readList(await this.#rest.get(this.#rest.path('Projects')), 'projects', PROJECT_VIEW)
  }

  async getProject(project: string): Promise<administration.ProjectView> {
    return readObject(await this.#rest.get(this.#rest.path('Projects', project)), PROJECT_VIEW)
  }

  async createProject(create: administration.CreateProject): Promise<Created> {
    return readObject(await this.#rest.post(this.#rest.path('Projects'), create), CREATED)
  }

  async editProject(project: string, edit: administration.EditProject): Promise<void> {
    await this.#rest.post(this.#rest.path('Projects', project, 'Edit'), edit)
  }

  async setDefaultArtifactConfiguration(project: string, slug: string): Promise<void> {
    await this.#rest.post(this.#rest.path('Projects', project, 'SetDefaultArtifactConfiguration'), {
      artifactConfigurationSlug: slug,
    } satisfies administration.SetDefaultArtifactConfiguration)
  }

  async setProjectActive(project: string, isActive: boolean): Promise<void> {
    await this.#setActive('Projects', project, isActive)
  }

  async listArtifactConfigurations(
    project: string,
  ): Promise<readonly administration.ArtifactConfigurationView[]> {
    const answer = await this.#rest.get(
      this.#rest.path('Projects', project, 'ArtifactConfigurations'),
    )
    return readList(answer, 'artifactConfigurations', ARTIFACT_CONFIGURATION_VIEW)
  }

  async getArtifactConfiguration(
    project: string,
    slug: string,
  ): Promise<administration.ArtifactConfigurationView> {
    const path = this.#rest.path('Projects', project, 'ArtifactConfigurations', slug)
    return readObject(await this.#rest.get(path), ARTIFACT_CONFIGURATION_VIEW)
  }

  async createArtifactConfiguration(
    project: string,
    create: administration.CreateArtifactConfiguration,
  ): Promise<Created> {
    const path = this.#rest.path('Projects', project, 'ArtifactConfigurations')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async editArtifactConfiguration(
    project: string,
    slug: string,
    edit: administration.EditArtifactConfiguration,
  ): Promise<void> {
    await this.#rest.post(
      this.#rest.path('Projects', project, 'ArtifactConfigurations', slug, 'Edit'),
      edit,
    )
  }

  async editArtifactConfigurationXml(project: string, slug: string, xml: string): Promise<void> {
    const path = this.#rest.path('Projects', project, 'ArtifactConfigurations', slug, 'EditXml')
    await this.#rest.post(path, { xml } satisfies administration.EditArtifactConfigurationXml)
  }

  async listSigningPolicies(project: string): Promise<readonly administration.SigningPolicyView[]> {
    const answer = await this.#rest.get(this.#rest.path('Projects', project, 'SigningPolicies'))
    return readList(answer, 'signingPolicies', SIGNING_POLICY_VIEW)
  }

  async getSigningPolicy(project: string, slug: string): Promise<administration.SigningPolicyView> {
    const answer = await this.#rest.get(
      this.#rest.path('Projects', project, 'SigningPolicies', slug),
    )
    return readObject(answer, SIGNING_POLICY_VIEW)
  }

  async createSigningPolicy(
    project: string,
    create: administration.CreateSigningPolicy,
  ): Promise<Created> {
    const path = this.#rest.path('Projects', project, 'SigningPolicies')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async editSigningPolicy(
    project: string,
    slug: string,
    edit: administration.EditSigningPolicy,
  ): Promise<void> {
    await this.#rest.post(
      this.#rest.path('Projects', project, 'SigningPolicies', slug, 'Edit'),
      edit,
    )
  }

  async setSigningPolicyActive(project: string, slug: string, isActive: boolean): Promise<void> {
    const verb = isActive ? 'Activate' : 'Deactivate'
    await this.#rest.post(this.#rest.path('Projects', project, 'SigningPolicies', slug, verb))
  }

  // Certificates

  async listCertificates(): Promise<readonly administration.CertificateView[]> {
    return readList(
      await this.#rest.get(this.#rest.path('Certificates')),
      'certificates',
      CERTIFICATE_VIEW,
    )
  }

  async getCertificate(certificate: string): Promise<administration.CertificateView> {
    return readObject(
      await this.#rest.get(this.#rest.path('Certificates', certificate)),
      CERTIFICATE_VIEW,
    )
  }

  async createSelfSignedX509(create: administration.CreateSelfSignedX509): Promise<Created> {
    const path = this.#rest.path('Certificates', 'CreateSelfSignedX509')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async createCsrBasedX509(create: administration.CreateCsrBasedX509): Promise<Created> {
    const path = this.#rest.path('Certificates', 'CreateCsrBasedX509')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async uploadX509Certificate(certificate: string, file: FileToUpload): Promise<void> {
    const path = this.#rest.path('Certificates', certificate, 'UploadX509Certificate')
    await this.#rest.postForm(path, [{ name: 'x509Certificate', ...file }])
  }

  /** `passphrase` opens the file on the server, which keeps it nowhere. */
  async importCertificate(
    named: { readonly slug: string; readonly name: string },
    file: FileToUpload,
    passphrase?: string,
  ): Promise<Created> {
    const parts = [
      { name: 'slug', value: named.slug },
      { name: 'name', value: named.name },
      ...optionalPart('passphrase', passphrase),
      { name: 'file', ...file },
    ]
    return readObject(
      await this.#rest.postForm(this.#rest.path('Certificates', 'Import'), parts),
      CREATED,
    )
  }

  async editCertificate(certificate: string, edit: administration.EditCertificate): Promise<void> {
    await this.#rest.post(this.#rest.path('Certificates', certificate, 'Edit'), edit)
  }

  async setCertificateActive(certificate: string, isActive: boolean): Promise<void> {
    await this.#setActive('Certificates', certificate, isActive)
  }

  /** A file of a certificate. */
  async downloadCertificateFile(
    certificate: string,
    file: CertificateFile,
  ): Promise<DownloadedFile> {
    return this.#rest.download(this.#rest.path('Certificates', certificate, file))
  }

  async #setActive(kind: Kind, name: string, isActive: boolean): Promise<void> {
    await this.#rest.post(this.#rest.path(kind, name, isActive ? 'Activate' : 'Deactivate'))
  }
}

function usersOf(userType: 'interactive' | 'ci'): 'InteractiveUsers' | 'CIUsers' {
  return userType === 'ci' ? 'CIUsers' : 'InteractiveUsers'
}
