import { randomGuid } from '../crypto/random.ts'
import type * as administration from '../wire/administration.ts'
import type { AuditQuery, AuditVerification } from '../wire/audit.ts'
import type { Created } from '../wire/shapes.ts'
import type * as requests from '../wire/signing-requests.ts'
import { parseServerUrl } from './base-url.ts'
import type {
  ArtifactSubmission,
  AuditEventPage,
  CertificateFile,
  ChanceryClientOptions,
  DownloadedFile,
  FileToUpload,
  UserReference,
} from './contract.ts'
import type { FormPart } from './multipart.ts'
import { encodeQuery, pathOf, readList, readObject, Rest } from './rest.ts'
import {
  AUDIT_EVENT_PAGE,
  API_TOKEN_VIEW,
  ARTIFACT_CONFIGURATION_VIEW,
  AUDIT_EVENT_VIEW,
  AUDIT_VERIFICATION,
  CERTIFICATE_VIEW,
  CREATED,
  CREATED_API_TOKEN,
  CREATED_ORGANIZATION,
  GROUP_VIEW,
  ORGANIZATION_VIEW,
  PROJECT_VIEW,
  SIGNED_HASH,
  SIGNING_POLICY_VIEW,
  SIGNING_REQUEST_PAGE,
  SIGNING_REQUEST_STATUS,
  SIGNING_REQUEST_VIEW,
  SUBMITTED_PAYLOAD,
  SUBMITTED_SIGNING_REQUEST,
  USER_VIEW,
} from './shapes.ts'
import { Transport } from './transport.ts'

/** The objects that can be activated and deactivated. */
type Kind = 'InteractiveUsers' | 'CIUsers' | 'UserGroups' | 'Projects' | 'Certificates'

/**
 * The REST API of a Chancery server, one method per route, named as {@link Administration} and
 * {@link SigningService} name the operation. May be used concurrently; holds nothing open.
 *
 * Objects are named by slug or id, users and groups by id. Every method throws the server's ChanceryError, or one of
 * `ERR_CLIENT_*` where no usable answer came; calls are repeated where that cannot do a thing twice.
 */
export class ChanceryClient {
  /** Without a slash at its end. */
  readonly serverUrl: string
  readonly organizationId: string
  readonly #rest: Rest

  constructor(options: ChanceryClientOptions) {
    this.serverUrl = parseServerUrl(options.url, options.allowHttp ?? false)
    this.organizationId = options.organizationId
    const transport = new Transport({
      serverUrl: this.serverUrl,
      token: options.token,
      userAgent: options.userAgent ?? 'chancery',
      timeoutMs: options.timeoutMs ?? 60_000,
      maxRetries: options.maxRetries ?? 4,
      maxResponseBytes: options.maxResponseBytes ?? 1024 ** 3,
      signal: options.signal,
      onRetry: options.onRetry,
    })
    this.#rest = new Rest(transport)
  }

  // Signing requests

  async submitWithArtifact(
    submission: ArtifactSubmission,
  ): Promise<requests.SubmittedSigningRequest> {
    const parts: FormPart[] = [
      { name: 'projectSlug', value: submission.projectSlug },
      { name: 'signingPolicySlug', value: submission.signingPolicySlug },
      ...field('artifactConfigurationSlug', submission.artifactConfigurationSlug),
      ...field('description', submission.description),
      ...Object.entries(submission.parameters ?? {}).map(([name, value]) => ({
        name: `parameters.${name}`,
        value,
      })),
      { name: 'artifact', ...submission.artifact },
    ]
    const path = this.#path('SigningRequests', 'SubmitWithArtifact')
    const answer = await this.#rest.postForm(path, parts, submission.idempotencyKey ?? newKey())
    return readObject(answer, SUBMITTED_SIGNING_REQUEST)
  }

  async submitWithPayload(
    submission: requests.SubmitWithPayload,
    idempotencyKey: string = newKey(),
  ): Promise<requests.SubmittedPayload> {
    const path = this.#path('SigningRequests', 'SubmitWithPayload')
    const answer = await this.#rest.post(path, submission, idempotencyKey)
    return readObject(answer, SUBMITTED_PAYLOAD)
  }

  async signHash(
    submission: requests.SignHash,
    idempotencyKey: string = newKey(),
  ): Promise<requests.SignedHash> {
    const path = this.#path('SigningRequests', 'SignHash')
    const answer = await this.#rest.post(path, submission, idempotencyKey)
    return readObject(answer, SIGNED_HASH)
  }

  async resubmit(
    originalSigningRequestId: string,
    signingPolicySlug: string,
    description?: string,
    idempotencyKey: string = newKey(),
  ): Promise<requests.SubmittedSigningRequest> {
    const parts = [
      { name: 'originalSigningRequestId', value: originalSigningRequestId },
      { name: 'signingPolicySlug', value: signingPolicySlug },
      ...field('description', description),
    ]
    const answer = await this.#rest.postForm(
      this.#path('SigningRequests', 'Resubmit'),
      parts,
      idempotencyKey,
    )
    return readObject(answer, SUBMITTED_SIGNING_REQUEST)
  }

  async getSigningRequest(id: string): Promise<requests.SigningRequestView> {
    const answer = await this.#rest.get(this.#path('SigningRequests', id))
    return readObject(answer, SIGNING_REQUEST_VIEW)
  }

  async getSigningRequestStatus(id: string): Promise<requests.SigningRequestStatus> {
    const answer = await this.#rest.get(this.#path('SigningRequests', id, 'Status'))
    return readObject(answer, SIGNING_REQUEST_STATUS)
  }

  async listSigningRequests(
    query: requests.SigningRequestQuery = {},
  ): Promise<requests.SigningRequestPage> {
    const answer = await this.#rest.get(this.#path('SigningRequests') + encodeQuery(query))
    return readObject(answer, SIGNING_REQUEST_PAGE)
  }

  async approve(id: string, reason?: string): Promise<requests.SigningRequestStatus> {
    return this.#decide(id, 'Approve', reason)
  }

  async deny(id: string, reason?: string): Promise<requests.SigningRequestStatus> {
    return this.#decide(id, 'Deny', reason)
  }

  async cancel(id: string): Promise<requests.SigningRequestStatus> {
    return this.#decide(id, 'Cancel', undefined)
  }

  async downloadSignedArtifact(id: string): Promise<DownloadedFile> {
    return this.#download(this.#path('SigningRequests', id, 'SignedArtifact'))
  }

  async downloadUnsignedArtifact(id: string): Promise<DownloadedFile> {
    return this.#download(this.#path('SigningRequests', id, 'UnsignedArtifact'))
  }

  // Organization, users and groups

  async getOrganization(): Promise<administration.OrganizationView> {
    return readObject(await this.#rest.get(this.#path('Organization')), ORGANIZATION_VIEW)
  }

  async editOrganization(edit: administration.EditOrganization): Promise<void> {
    await this.#rest.post(this.#path('Organization', 'Edit'), edit)
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
    return readList(await this.#rest.get(this.#path(kind)), 'users', USER_VIEW)
  }

  async getMe(): Promise<administration.UserView> {
    return readObject(await this.#rest.get(this.#path('InteractiveUsers', 'Me')), USER_VIEW)
  }

  async createUser(
    userType: 'interactive' | 'ci',
    create: administration.CreateUser,
  ): Promise<Created> {
    return readObject(await this.#rest.post(this.#path(usersOf(userType)), create), CREATED)
  }

  async editUser(user: UserReference, edit: administration.EditUser): Promise<void> {
    await this.#rest.post(this.#path(usersOf(user.userType), user.id, 'Edit'), edit)
  }

  async setUserActive(user: UserReference, isActive: boolean): Promise<void> {
    await this.#setActive(usersOf(user.userType), user.id, isActive)
  }

  async createApiToken(
    user: UserReference,
    create: administration.CreateApiToken,
  ): Promise<administration.CreatedApiToken> {
    const answer = await this.#rest.post(
      this.#path(usersOf(user.userType), user.id, 'ApiTokens'),
      create,
    )
    return readObject(answer, CREATED_API_TOKEN)
  }

  async listApiTokens(user: UserReference): Promise<readonly administration.ApiTokenView[]> {
    return readList(
      await this.#rest.get(this.#path(usersOf(user.userType), user.id, 'ApiTokens')),
      'apiTokens',
      API_TOKEN_VIEW,
    )
  }

  async revokeApiToken(user: UserReference, tokenId: string): Promise<void> {
    await this.#rest.post(
      this.#path(usersOf(user.userType), user.id, 'ApiTokens', tokenId, 'Revoke'),
    )
  }

  async listGroups(): Promise<readonly administration.GroupView[]> {
    return readList(await this.#rest.get(this.#path('UserGroups')), 'groups', GROUP_VIEW)
  }

  async createGroup(create: administration.CreateGroup): Promise<Created> {
    return readObject(await this.#rest.post(this.#path('UserGroups'), create), CREATED)
  }

  async editGroup(groupId: string, edit: administration.EditGroup): Promise<void> {
    await this.#rest.post(this.#path('UserGroups', groupId, 'Edit'), edit)
  }

  async changeMembers(groupId: string, change: administration.ChangeMembers): Promise<void> {
    await this.#rest.post(this.#path('UserGroups', groupId, 'ChangeMembers'), change)
  }

  async modifyMembers(groupId: string, change: administration.ModifyMembers): Promise<void> {
    await this.#rest.post(this.#path('UserGroups', groupId, 'ModifyMembers'), change)
  }

  async setGroupActive(groupId: string, isActive: boolean): Promise<void> {
    await this.#setActive('UserGroups', groupId, isActive)
  }

  // Projects, artifact configurations, signing policies

  async listProjects(): Promise<readonly administration.ProjectView[]> {
    return readList(await this.#rest.get(this.#path('Projects')), 'projects', PROJECT_VIEW)
  }

  async getProject(project: string): Promise<administration.ProjectView> {
    return readObject(await this.#rest.get(this.#path('Projects', project)), PROJECT_VIEW)
  }

  async createProject(create: administration.CreateProject): Promise<Created> {
    return readObject(await this.#rest.post(this.#path('Projects'), create), CREATED)
  }

  async editProject(project: string, edit: administration.EditProject): Promise<void> {
    await this.#rest.post(this.#path('Projects', project, 'Edit'), edit)
  }

  async setDefaultArtifactConfiguration(project: string, slug: string): Promise<void> {
    await this.#rest.post(this.#path('Projects', project, 'SetDefaultArtifactConfiguration'), {
      artifactConfigurationSlug: slug,
    } satisfies administration.SetDefaultArtifactConfiguration)
  }

  async setProjectActive(project: string, isActive: boolean): Promise<void> {
    await this.#setActive('Projects', project, isActive)
  }

  async listArtifactConfigurations(
    project: string,
  ): Promise<readonly administration.ArtifactConfigurationView[]> {
    const answer = await this.#rest.get(this.#path('Projects', project, 'ArtifactConfigurations'))
    return readList(answer, 'artifactConfigurations', ARTIFACT_CONFIGURATION_VIEW)
  }

  async getArtifactConfiguration(
    project: string,
    slug: string,
  ): Promise<administration.ArtifactConfigurationView> {
    const path = this.#path('Projects', project, 'ArtifactConfigurations', slug)
    return readObject(await this.#rest.get(path), ARTIFACT_CONFIGURATION_VIEW)
  }

  async createArtifactConfiguration(
    project: string,
    create: administration.CreateArtifactConfiguration,
  ): Promise<Created> {
    const path = this.#path('Projects', project, 'ArtifactConfigurations')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async editArtifactConfiguration(
    project: string,
    slug: string,
    edit: administration.EditArtifactConfiguration,
  ): Promise<void> {
    await this.#rest.post(
      this.#path('Projects', project, 'ArtifactConfigurations', slug, 'Edit'),
      edit,
    )
  }

  async editArtifactConfigurationXml(project: string, slug: string, xml: string): Promise<void> {
    const path = this.#path('Projects', project, 'ArtifactConfigurations', slug, 'EditXml')
    await this.#rest.post(path, { xml } satisfies administration.EditArtifactConfigurationXml)
  }

  async listSigningPolicies(project: string): Promise<readonly administration.SigningPolicyView[]> {
    const answer = await this.#rest.get(this.#path('Projects', project, 'SigningPolicies'))
    return readList(answer, 'signingPolicies', SIGNING_POLICY_VIEW)
  }

  async getSigningPolicy(project: string, slug: string): Promise<administration.SigningPolicyView> {
    const answer = await this.#rest.get(this.#path('Projects', project, 'SigningPolicies', slug))
    return readObject(answer, SIGNING_POLICY_VIEW)
  }

  async createSigningPolicy(
    project: string,
    create: administration.CreateSigningPolicy,
  ): Promise<Created> {
    const path = this.#path('Projects', project, 'SigningPolicies')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async editSigningPolicy(
    project: string,
    slug: string,
    edit: administration.EditSigningPolicy,
  ): Promise<void> {
    await this.#rest.post(this.#path('Projects', project, 'SigningPolicies', slug, 'Edit'), edit)
  }

  async setSigningPolicyActive(project: string, slug: string, isActive: boolean): Promise<void> {
    const verb = isActive ? 'Activate' : 'Deactivate'
    await this.#rest.post(this.#path('Projects', project, 'SigningPolicies', slug, verb))
  }

  // Certificates

  async listCertificates(): Promise<readonly administration.CertificateView[]> {
    return readList(
      await this.#rest.get(this.#path('Certificates')),
      'certificates',
      CERTIFICATE_VIEW,
    )
  }

  async getCertificate(certificate: string): Promise<administration.CertificateView> {
    return readObject(
      await this.#rest.get(this.#path('Certificates', certificate)),
      CERTIFICATE_VIEW,
    )
  }

  async createSelfSignedX509(create: administration.CreateSelfSignedX509): Promise<Created> {
    const path = this.#path('Certificates', 'CreateSelfSignedX509')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async createCsrBasedX509(create: administration.CreateCsrBasedX509): Promise<Created> {
    const path = this.#path('Certificates', 'CreateCsrBasedX509')
    return readObject(await this.#rest.post(path, create), CREATED)
  }

  async uploadX509Certificate(certificate: string, file: FileToUpload): Promise<void> {
    const path = this.#path('Certificates', certificate, 'UploadX509Certificate')
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
      ...field('passphrase', passphrase),
      { name: 'file', ...file },
    ]
    return readObject(
      await this.#rest.postForm(this.#path('Certificates', 'Import'), parts),
      CREATED,
    )
  }

  async editCertificate(certificate: string, edit: administration.EditCertificate): Promise<void> {
    await this.#rest.post(this.#path('Certificates', certificate, 'Edit'), edit)
  }

  async setCertificateActive(certificate: string, isActive: boolean): Promise<void> {
    await this.#setActive('Certificates', certificate, isActive)
  }

  /** A file of a certificate. */
  async downloadCertificateFile(
    certificate: string,
    file: CertificateFile,
  ): Promise<DownloadedFile> {
    return this.#download(this.#path('Certificates', certificate, file))
  }

  // Audit log

  /** A page of the log, newest first unless `order=asc`, and where the next one continues. */
  async listAuditEvents(query: AuditQuery = {}): Promise<AuditEventPage> {
    const answer = await this.#rest.get(this.#path('AuditEvents') + encodeQuery(query))
    const { next } = readObject(answer, AUDIT_EVENT_PAGE)
    return { events: readList(answer, 'events', AUDIT_EVENT_VIEW), next }
  }

  /** The whole log, or what the query leaves of it, as JSON lines or CSV. */
  async exportAuditEvents(
    format: 'jsonl' | 'csv',
    query: AuditQuery = {},
  ): Promise<DownloadedFile> {
    return this.#download(this.#path('AuditEvents', 'Export') + encodeQuery({ ...query, format }))
  }

  /** Has the server re-compute the whole chain. */
  async verifyAuditEvents(): Promise<AuditVerification> {
    const answer = await this.#rest.get(this.#path('AuditEvents', 'Verify'))
    return readObject(answer, AUDIT_VERIFICATION)
  }

  // How the routes are called

  #path(...segments: readonly string[]): string {
    return pathOf(['Api', 'v1', this.organizationId, ...segments])
  }

  async #download(path: string): Promise<DownloadedFile> {
    const answer = await this.#rest.download(path)
    return { fileName: answer.fileName, bytes: answer.bytes }
  }

  async #decide(
    id: string,
    verb: 'Approve' | 'Deny' | 'Cancel',
    reason: string | undefined,
  ): Promise<requests.SigningRequestStatus> {
    const body = reason === undefined ? undefined : { reason }
    const answer = await this.#rest.post(this.#path('SigningRequests', id, verb), body)
    return readObject(answer, SIGNING_REQUEST_STATUS)
  }

  async #setActive(kind: Kind, name: string, isActive: boolean): Promise<void> {
    await this.#rest.post(this.#path(kind, name, isActive ? 'Activate' : 'Deactivate'))
  }
}

function field(name: string, value: string | undefined): readonly FormPart[] {
  return value === undefined ? [] : [{ name, value }]
}

function newKey(): string {
  return randomGuid(Date.now())
}

function usersOf(userType: 'interactive' | 'ci'): 'InteractiveUsers' | 'CIUsers' {
  return userType === 'ci' ? 'CIUsers' : 'InteractiveUsers'
}
