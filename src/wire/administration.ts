import { Type, type Static } from 'typebox'
import { SIGNATURE_ALGORITHMS } from '../crypto/algorithms.ts'
import { ROLES } from '../policy/principal.ts'
import { AssigneesBody, Guid, Instant, Name, Slug } from './common.ts'

const Role = Type.Enum([...ROLES])
const Roles = Type.Array(Role, { maxItems: ROLES.length, uniqueItems: true })
const Algorithm = Type.Enum([...SIGNATURE_ALGORITHMS])
const Description = Type.String({ maxLength: 2000 })

/** What every configured object shows. */
const versioned = { id: Guid, version: Type.Integer({ minimum: 1 }), isActive: Type.Boolean() }

// Organizations

export const OrganizationView = Type.Object({
  ...versioned,
  name: Name,
  artifactRetentionDays: Type.Integer({ minimum: 0, maximum: 36500 }),
})
export type OrganizationView = Static<typeof OrganizationView>

export const EditOrganization = Type.Partial(
  Type.Object({ name: Name, artifactRetentionDays: Type.Integer({ minimum: 0, maximum: 36500 }) }),
)
export type EditOrganization = Static<typeof EditOrganization>

/** `POST /Api/v1-pre/Organizations`: a new tenant with its first administrator. */
export const CreateOrganization = Type.Object({ name: Name })
export type CreateOrganization = Static<typeof CreateOrganization>

/** The token is shown this once. */
export const CreatedOrganization = Type.Object({
  organizationId: Guid,
  administratorId: Guid,
  apiToken: Type.String(),
})
export type CreatedOrganization = Static<typeof CreatedOrganization>

// Users, tokens, groups

export const UserView = Type.Object({
  ...versioned,
  userType: Type.Union([Type.Literal('interactive'), Type.Literal('ci')]),
  name: Name,
  emailAddress: Type.Union([Type.String(), Type.Null()]),
  roles: Roles,
})
export type UserView = Static<typeof UserView>

export const CreateUser = Type.Object({
  name: Name,
  emailAddress: Type.Optional(Type.Union([Type.String({ maxLength: 254 }), Type.Null()])),
  roles: Type.Optional(Roles),
})
export type CreateUser = Static<typeof CreateUser>

export const EditUser = Type.Partial(CreateUser)
export type EditUser = Static<typeof EditUser>

export const ApiTokenView = Type.Object({
  id: Guid,
  description: Type.String(),
  createdAt: Instant,
  expiresAt: Type.Union([Instant, Type.Null()]),
  revokedAt: Type.Union([Instant, Type.Null()]),
  lastUsedAt: Type.Union([Instant, Type.Null()]),
})
export type ApiTokenView = Static<typeof ApiTokenView>

export const CreateApiToken = Type.Object({
  description: Type.Optional(Type.String({ maxLength: 200 })),
  expiresAt: Type.Optional(Type.Union([Instant, Type.Null()])),
})
export type CreateApiToken = Static<typeof CreateApiToken>

/** The token is shown this once. */
export const CreatedApiToken = Type.Object({
  id: Guid,
  apiToken: Type.String(),
  expiresAt: Type.Union([Instant, Type.Null()]),
})
export type CreatedApiToken = Static<typeof CreatedApiToken>

export const GroupView = Type.Object({
  ...versioned,
  name: Name,
  roles: Roles,
  members: Type.Array(Guid),
})
export type GroupView = Static<typeof GroupView>

export const CreateGroup = Type.Object({
  name: Name,
  roles: Type.Optional(Roles),
  members: Type.Optional(Type.Array(Guid, { maxItems: 10000, uniqueItems: true })),
})
export type CreateGroup = Static<typeof CreateGroup>

export const EditGroup = Type.Partial(Type.Object({ name: Name, roles: Roles }))
export type EditGroup = Static<typeof EditGroup>

export const ChangeMembers = Type.Object({
  members: Type.Array(Guid, { maxItems: 10000, uniqueItems: true }),
})
export type ChangeMembers = Static<typeof ChangeMembers>

export const ModifyMembers = Type.Object({
  add: Type.Optional(Type.Array(Guid, { maxItems: 10000, uniqueItems: true })),
  remove: Type.Optional(Type.Array(Guid, { maxItems: 10000, uniqueItems: true })),
})
export type ModifyMembers = Static<typeof ModifyMembers>

// Projects, artifact configurations, signing policies

export const ProjectView = Type.Object({
  ...versioned,
  slug: Slug,
  name: Name,
  description: Description,
  repositoryUrls: Type.Array(Type.String()),
  readers: AssigneesBody,
  configurators: AssigneesBody,
  defaultArtifactConfigurationId: Type.Union([Guid, Type.Null()]),
  defaultArtifactConfigurationSlug: Type.Union([Slug, Type.Null()]),
})
export type ProjectView = Static<typeof ProjectView>

/** A new project starts with the artifact configuration `initial`, the template *Detached raw signatures*, as its default. */
export const CreateProject = Type.Object({
  slug: Slug,
  name: Name,
  description: Type.Optional(Description),
  repositoryUrls: Type.Optional(Type.Array(Type.String({ maxLength: 2000 }), { maxItems: 100 })),
  readers: Type.Optional(AssigneesBody),
  configurators: Type.Optional(AssigneesBody),
})
export type CreateProject = Static<typeof CreateProject>

export const EditProject = Type.Partial(CreateProject)
export type EditProject = Static<typeof EditProject>

export const SetDefaultArtifactConfiguration = Type.Object({ artifactConfigurationSlug: Slug })
export type SetDefaultArtifactConfiguration = Static<typeof SetDefaultArtifactConfiguration>

export const ArtifactConfigurationView = Type.Object({
  ...versioned,
  projectSlug: Slug,
  slug: Slug,
  name: Name,
  isDefault: Type.Boolean(),
  xml: Type.String(),
})
export type ArtifactConfigurationView = Static<typeof ArtifactConfigurationView>

const Xml = Type.String({ minLength: 1, maxLength: 1_000_000 })

/** Give `xml`, or the name of a predefined template (`detached-raw-signatures`). */
export const CreateArtifactConfiguration = Type.Object({
  slug: Slug,
  name: Name,
  xml: Type.Optional(Xml),
  template: Type.Optional(Type.String({ maxLength: 100 })),
})
export type CreateArtifactConfiguration = Static<typeof CreateArtifactConfiguration>

export const EditArtifactConfiguration = Type.Partial(Type.Object({ slug: Slug, name: Name }))
export type EditArtifactConfiguration = Static<typeof EditArtifactConfiguration>

export const EditArtifactConfigurationXml = Type.Object({ xml: Xml })
export type EditArtifactConfigurationXml = Static<typeof EditArtifactConfigurationXml>

const Images = Type.Array(Type.String({ minLength: 1, maxLength: 500 }), { maxItems: 1000 })

export const SigningPolicyView = Type.Object({
  ...versioned,
  projectSlug: Slug,
  slug: Slug,
  name: Name,
  certificateId: Guid,
  certificateSlug: Slug,
  submitters: AssigneesBody,
  approvers: AssigneesBody,
  requiredApprovals: Type.Integer({ minimum: 0, maximum: 100 }),
  allowedImages: Images,
  allowOtherFiles: Type.Boolean(),
  allowHashSigning: Type.Boolean(),
})
export type SigningPolicyView = Static<typeof SigningPolicyView>

export const CreateSigningPolicy = Type.Object({
  slug: Slug,
  name: Name,
  certificateSlug: Slug,
  submitters: Type.Optional(AssigneesBody),
  approvers: Type.Optional(AssigneesBody),
  requiredApprovals: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  allowedImages: Type.Optional(Images),
  allowOtherFiles: Type.Optional(Type.Boolean()),
  allowHashSigning: Type.Optional(Type.Boolean()),
})
export type CreateSigningPolicy = Static<typeof CreateSigningPolicy>

export const EditSigningPolicy = Type.Partial(CreateSigningPolicy)
export type EditSigningPolicy = Static<typeof EditSigningPolicy>

// Certificates

export const CertificateView = Type.Object({
  ...versioned,
  slug: Slug,
  name: Name,
  /** `X509` once there is a certificate, `KeyPair` while a CSR waits for one. */
  type: Type.Union([Type.Literal('X509'), Type.Literal('KeyPair')]),
  algorithm: Algorithm,
  keyStore: Type.Literal('software'),
  keyId: Guid,
  /** Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo. */
  publicKeyFingerprint: Type.String(),
  x509CertificateData: Type.Union([
    Type.Object({
      creationMethod: Type.Union([
        Type.Literal('SelfSigned'),
        Type.Literal('Csr'),
        Type.Literal('PfxImport'),
        Type.Literal('ImportedWithExistingKeyPair'),
      ]),
      subject: Type.String(),
      issuer: Type.String(),
      serialNumber: Type.String({ description: 'lower-case hex' }),
      thumbprint: Type.String({ description: 'lower-case hex SHA-1 of the DER certificate' }),
      validFrom: Instant,
      validTo: Instant,
    }),
    Type.Null(),
  ]),
  /** What some verifiers cannot do with this key; empty for ECDSA P-256 and RSA. */
  warnings: Type.Array(Type.String()),
})
export type CertificateView = Static<typeof CertificateView>

const Subject = Type.Object({
  commonName: Type.String({ minLength: 1, maxLength: 64 }),
  organization: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  organizationalUnit: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  country: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
  /** Goes into the subject alternative name, where cosign and podman look for an identity. */
  emailAddress: Type.Optional(Type.String({ maxLength: 254 })),
})

export const CreateSelfSignedX509 = Type.Object({
  slug: Slug,
  name: Name,
  algorithm: Type.Optional(Algorithm),
  subject: Subject,
  validForDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 36500 })),
})
export type CreateSelfSignedX509 = Static<typeof CreateSelfSignedX509>

export const CreateCsrBasedX509 = Type.Object({
  slug: Slug,
  name: Name,
  algorithm: Type.Optional(Algorithm),
  subject: Subject,
})
export type CreateCsrBasedX509 = Static<typeof CreateCsrBasedX509>

export const EditCertificate = Type.Partial(Type.Object({ slug: Slug, name: Name }))
export type EditCertificate = Static<typeof EditCertificate>

// Trusted build systems

export const TrustedBuildSystemView = Type.Object({
  ...versioned,
  slug: Slug,
  name: Name,
  description: Description,
})
export type TrustedBuildSystemView = Static<typeof TrustedBuildSystemView>

export const AddCustomTrustedBuildSystem = Type.Object({
  slug: Slug,
  name: Name,
  description: Type.Optional(Description),
})
export type AddCustomTrustedBuildSystem = Static<typeof AddCustomTrustedBuildSystem>

/** The token is shown this once. */
export const CreatedTrustedBuildSystem = Type.Object({
  id: Guid,
  trustedBuildSystemToken: Type.String(),
})
export type CreatedTrustedBuildSystem = Static<typeof CreatedTrustedBuildSystem>
