import { Type, type Static } from 'typebox'
import { SIGNATURE_ALGORITHMS } from '../crypto/algorithms.ts'
import { ROLES } from '../policy/principal.ts'
import { SIGNATURE_FORMATS } from '../policy/signature-format.ts'
import { AssigneesBody, Guid, Instant, Name, Slug } from './shapes.ts'

const Role = Type.Enum([...ROLES])
const Roles = Type.Array(Role, { maxItems: ROLES.length, uniqueItems: true })
const Algorithm = Type.Enum([...SIGNATURE_ALGORITHMS])
const Description = Type.String({ maxLength: 2000 })

/** What every configured object shows. */
const versioned = { id: Guid, version: Type.Integer({ minimum: 1 }), isActive: Type.Boolean() }

// Organizations

/** An organization as its members see it. */
export const OrganizationView = Type.Object({
  ...versioned,
  name: Name,
  artifactRetentionDays: Type.Integer({ minimum: 0, maximum: 36500 }),
})
export type OrganizationView = Static<typeof OrganizationView>

/**
 * Changes to an organization; what is left out stays. `artifactRetentionDays` 0 keeps artifacts
 * for ever.
 */
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

/** A user; `emailAddress` is `null` for CI users as a rule. */
export const UserView = Type.Object({
  ...versioned,
  userType: Type.Union([Type.Literal('interactive'), Type.Literal('ci')]),
  name: Name,
  emailAddress: Type.Union([Type.String(), Type.Null()]),
  roles: Roles,
})
export type UserView = Static<typeof UserView>

/** A new user, interactive or CI as the route says; without `roles` they have none. */
export const CreateUser = Type.Object({
  name: Name,
  emailAddress: Type.Optional(Type.Union([Type.String({ maxLength: 254 }), Type.Null()])),
  roles: Type.Optional(Roles),
})
export type CreateUser = Static<typeof CreateUser>

/** Changes to a user; what is left out stays, and `roles` replaces all of them. */
export const EditUser = Type.Partial(CreateUser)
export type EditUser = Static<typeof EditUser>

/** An API token without the token itself, which nobody can read again. */
export const ApiTokenView = Type.Object({
  id: Guid,
  description: Type.String(),
  createdAt: Instant,
  expiresAt: Type.Union([Instant, Type.Null()]),
  revokedAt: Type.Union([Instant, Type.Null()]),
  lastUsedAt: Type.Union([Instant, Type.Null()]),
})
export type ApiTokenView = Static<typeof ApiTokenView>

/** A new API token; without `expiresAt` it is valid until it is revoked. */
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

/** A group; its members have its roles and assignments. `members` are user ids. */
export const GroupView = Type.Object({
  ...versioned,
  name: Name,
  roles: Roles,
  members: Type.Array(Guid),
})
export type GroupView = Static<typeof GroupView>

/** A new group; `members` are user ids. */
export const CreateGroup = Type.Object({
  name: Name,
  roles: Type.Optional(Roles),
  members: Type.Optional(Type.Array(Guid, { maxItems: 10000, uniqueItems: true })),
})
export type CreateGroup = Static<typeof CreateGroup>

/** Changes to a group; what is left out stays, and `roles` replaces all of them. */
export const EditGroup = Type.Partial(Type.Object({ name: Name, roles: Roles }))
export type EditGroup = Static<typeof EditGroup>

/** All members of a group, by user id: whoever is not in the list is no member any more. */
export const ChangeMembers = Type.Object({
  members: Type.Array(Guid, { maxItems: 10000, uniqueItems: true }),
})
export type ChangeMembers = Static<typeof ChangeMembers>

/** Members to add to a group and to remove from it, by user id; the others stay. */
export const ModifyMembers = Type.Object({
  add: Type.Optional(Type.Array(Guid, { maxItems: 10000, uniqueItems: true })),
  remove: Type.Optional(Type.Array(Guid, { maxItems: 10000, uniqueItems: true })),
})
export type ModifyMembers = Static<typeof ModifyMembers>

// Projects, artifact configurations, signing policies

/** A project with those who may read and configure it. */
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

/** Changes to a project; what is left out stays, and lists replace lists. */
export const EditProject = Type.Partial(CreateProject)
export type EditProject = Static<typeof EditProject>

/** Which artifact configuration applies where a request names none. */
export const SetDefaultArtifactConfiguration = Type.Object({ artifactConfigurationSlug: Slug })
export type SetDefaultArtifactConfiguration = Static<typeof SetDefaultArtifactConfiguration>

/** An artifact configuration; `xml` is the text as it was stored, in SignPath's language. */
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

/** Another slug or name for an artifact configuration; what is left out stays. */
export const EditArtifactConfiguration = Type.Partial(Type.Object({ slug: Slug, name: Name }))
export type EditArtifactConfiguration = Static<typeof EditArtifactConfiguration>

/** Another text for an artifact configuration; requests made earlier keep theirs. */
export const EditArtifactConfigurationXml = Type.Object({ xml: Xml })
export type EditArtifactConfigurationXml = Static<typeof EditArtifactConfigurationXml>

const Images = Type.Array(Type.String({ minLength: 1, maxLength: 500 }), { maxItems: 1000 })
const SignatureFormats = Type.Array(Type.Enum([...SIGNATURE_FORMATS]), {
  maxItems: SIGNATURE_FORMATS.length,
  uniqueItems: true,
  description:
    'legacy: over Cosign metadata (.sig); bundle: over a statement, as Cosign 3 makes them',
})
const PredicateTypes = Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
  maxItems: 100,
  description: 'predicate types of the attestations that are signed, exact URIs',
})

/** A signing policy with its certificate, its people and its rules. */
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
  signatureFormats: SignatureFormats,
  allowedPredicateTypes: PredicateTypes,
  allowOtherFiles: Type.Boolean(),
  allowHashSigning: Type.Boolean(),
})
export type SigningPolicyView = Static<typeof SigningPolicyView>

/**
 * A new signing policy; without `allowedImages` no image may be signed, without `allowedPredicateTypes` no attestation;
 * without `signatureFormats` images are signed in all of them, and both permissions are off when left out.
 */
export const CreateSigningPolicy = Type.Object({
  slug: Slug,
  name: Name,
  certificateSlug: Slug,
  submitters: Type.Optional(AssigneesBody),
  approvers: Type.Optional(AssigneesBody),
  requiredApprovals: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  allowedImages: Type.Optional(Images),
  signatureFormats: Type.Optional(SignatureFormats),
  allowedPredicateTypes: Type.Optional(PredicateTypes),
  allowOtherFiles: Type.Optional(Type.Boolean()),
  allowHashSigning: Type.Optional(Type.Boolean()),
})
export type CreateSigningPolicy = Static<typeof CreateSigningPolicy>

/** Changes to a signing policy; what is left out stays, and lists replace lists. */
export const EditSigningPolicy = Type.Partial(CreateSigningPolicy)
export type EditSigningPolicy = Static<typeof EditSigningPolicy>

// Certificates

/** A key with its certificate, or with the request that waits for one; never the private key. */
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

/**
 * A new key with a certificate that it signs itself; ECDSA P-256 unless `algorithm` says
 * otherwise.
 */
export const CreateSelfSignedX509 = Type.Object({
  slug: Slug,
  name: Name,
  algorithm: Type.Optional(Algorithm),
  subject: Subject,
  validForDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 36500 })),
})
export type CreateSelfSignedX509 = Static<typeof CreateSelfSignedX509>

/** A new key with a certificate signing request for somebody else to answer. */
export const CreateCsrBasedX509 = Type.Object({
  slug: Slug,
  name: Name,
  algorithm: Type.Optional(Algorithm),
  subject: Subject,
})
export type CreateCsrBasedX509 = Static<typeof CreateCsrBasedX509>

/** Another slug or name for a certificate; what is left out stays. */
export const EditCertificate = Type.Partial(Type.Object({ slug: Slug, name: Name }))
export type EditCertificate = Static<typeof EditCertificate>

// Trusted build systems

/** A trusted build system, without its token. */
export const TrustedBuildSystemView = Type.Object({
  ...versioned,
  slug: Slug,
  name: Name,
  description: Description,
})
export type TrustedBuildSystemView = Static<typeof TrustedBuildSystemView>

/** A new trusted build system. */
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
