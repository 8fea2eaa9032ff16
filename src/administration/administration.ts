import type { Caller } from '../policy/caller.ts'
import type * as wire from '../wire/administration.ts'
import type { Created } from '../wire/shapes.ts'

/** An uploaded file. */
export interface Upload {
  readonly fileName: string
  readonly bytes: Uint8Array
}

/**
 * The configured world: organizations, users, groups, projects, policies and certificates.
 *
 * Every method checks the caller's rights first, then the input, then the state; it resolves after the change and
 * its audit event, which holds the old and the new version, are durable. Objects are named by slug or id; only
 * those of the caller's organization exist for it.
 *
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if the caller may not do it, or, for callers that may not read the
 *   whole organization, if there is no such object.
 * @throws ChanceryError ERR_CATALOG_MISSING if there is no such object and the caller may know.
 * @throws ChanceryError ERR_CATALOG_DUPLICATE if a name or slug is taken.
 * @throws ChanceryError ERR_POLICY_OWN_RIGHTS if the change would give the caller a right it does not have.
 */
export interface Administration {
  getOrganization(caller: Caller): wire.OrganizationView
  editOrganization(caller: Caller, edit: wire.EditOrganization): Promise<void>
  /** Only for Global Administrators of the organization that `chancery init` made. */
  createOrganization(
    caller: Caller,
    create: wire.CreateOrganization,
  ): Promise<wire.CreatedOrganization>

  listUsers(caller: Caller, userType?: 'interactive' | 'ci'): readonly wire.UserView[]
  getUser(caller: Caller, userId: string): wire.UserView
  getMe(caller: Caller): wire.UserView
  createUser(
    caller: Caller,
    userType: 'interactive' | 'ci',
    create: wire.CreateUser,
  ): Promise<Created>
  editUser(caller: Caller, userId: string, edit: wire.EditUser): Promise<void>
  setUserActive(caller: Caller, userId: string, isActive: boolean): Promise<void>
  /** Revokes the user's other tokens. */
  regenerateApiToken(caller: Caller, userId: string): Promise<wire.CreatedApiToken>
  createApiToken(
    caller: Caller,
    userId: string,
    create: wire.CreateApiToken,
  ): Promise<wire.CreatedApiToken>
  listApiTokens(caller: Caller, userId: string): readonly wire.ApiTokenView[]
  revokeApiToken(caller: Caller, userId: string, tokenId: string): Promise<void>

  listGroups(caller: Caller): readonly wire.GroupView[]
  getGroup(caller: Caller, groupId: string): wire.GroupView
  createGroup(caller: Caller, create: wire.CreateGroup): Promise<Created>
  editGroup(caller: Caller, groupId: string, edit: wire.EditGroup): Promise<void>
  changeMembers(caller: Caller, groupId: string, change: wire.ChangeMembers): Promise<void>
  modifyMembers(caller: Caller, groupId: string, change: wire.ModifyMembers): Promise<void>
  setGroupActive(caller: Caller, groupId: string, isActive: boolean): Promise<void>

  listProjects(caller: Caller): readonly wire.ProjectView[]
  getProject(caller: Caller, project: string): wire.ProjectView
  createProject(caller: Caller, create: wire.CreateProject): Promise<Created>
  editProject(caller: Caller, project: string, edit: wire.EditProject): Promise<void>
  setDefaultArtifactConfiguration(
    caller: Caller,
    project: string,
    change: wire.SetDefaultArtifactConfiguration,
  ): Promise<void>
  setProjectActive(caller: Caller, project: string, isActive: boolean): Promise<void>

  listArtifactConfigurations(
    caller: Caller,
    project: string,
  ): readonly wire.ArtifactConfigurationView[]
  getArtifactConfiguration(
    caller: Caller,
    project: string,
    slug: string,
  ): wire.ArtifactConfigurationView
  createArtifactConfiguration(
    caller: Caller,
    project: string,
    create: wire.CreateArtifactConfiguration,
  ): Promise<Created>
  editArtifactConfiguration(
    caller: Caller,
    project: string,
    slug: string,
    edit: wire.EditArtifactConfiguration,
  ): Promise<void>
  editArtifactConfigurationXml(
    caller: Caller,
    project: string,
    slug: string,
    edit: wire.EditArtifactConfigurationXml,
  ): Promise<void>
  setArtifactConfigurationActive(
    caller: Caller,
    project: string,
    slug: string,
    isActive: boolean,
  ): Promise<void>

  listSigningPolicies(caller: Caller, project: string): readonly wire.SigningPolicyView[]
  getSigningPolicy(caller: Caller, project: string, slug: string): wire.SigningPolicyView
  createSigningPolicy(
    caller: Caller,
    project: string,
    create: wire.CreateSigningPolicy,
  ): Promise<Created>
  editSigningPolicy(
    caller: Caller,
    project: string,
    slug: string,
    edit: wire.EditSigningPolicy,
  ): Promise<void>
  setSigningPolicyActive(
    caller: Caller,
    project: string,
    slug: string,
    isActive: boolean,
  ): Promise<void>

  listCertificates(caller: Caller): readonly wire.CertificateView[]
  getCertificate(caller: Caller, certificate: string): wire.CertificateView
  createSelfSignedX509(caller: Caller, create: wire.CreateSelfSignedX509): Promise<Created>
  createCsrBasedX509(caller: Caller, create: wire.CreateCsrBasedX509): Promise<Created>
  /** PEM (leaf and chain in any order), DER or PKCS#7; the leaf has to hold the certificate's key. */
  uploadX509Certificate(caller: Caller, certificate: string, upload: Upload): Promise<void>
  /** PKCS#12, PEM or `cosign.key`; `passphrase` is used once and kept nowhere. */
  importCertificate(
    caller: Caller,
    named: { readonly slug: string; readonly name: string },
    upload: Upload,
    passphrase: string | undefined,
  ): Promise<Created>
  editCertificate(caller: Caller, certificate: string, edit: wire.EditCertificate): Promise<void>
  setCertificateActive(caller: Caller, certificate: string, isActive: boolean): Promise<void>
  /** DER of the leaf. */
  downloadX509Certificate(caller: Caller, certificate: string): Uint8Array
  /** PEM, leaf first. */
  downloadX509CertificateChain(caller: Caller, certificate: string): string
  /** PEM SubjectPublicKeyInfo: what `cosign verify --key` reads. */
  downloadPublicKey(caller: Caller, certificate: string): string
  /** PEM PKCS#10. */
  downloadCertificateSigningRequest(caller: Caller, certificate: string): string
  /** The certificate of a signing policy; its submitters and approvers may read it too. */
  getSigningPolicyCertificate(caller: Caller, project: string, slug: string): wire.CertificateView

  listTrustedBuildSystems(caller: Caller): readonly wire.TrustedBuildSystemView[]
  addCustomTrustedBuildSystem(
    caller: Caller,
    create: wire.AddCustomTrustedBuildSystem,
  ): Promise<wire.CreatedTrustedBuildSystem>
  regenerateTrustedBuildSystemToken(
    caller: Caller,
    slug: string,
  ): Promise<wire.CreatedTrustedBuildSystem>
  setTrustedBuildSystemActive(caller: Caller, slug: string, isActive: boolean): Promise<void>
}
