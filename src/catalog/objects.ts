import type { SignatureAlgorithm } from '../crypto/algorithms.ts'
import type { Assignees, Role } from '../policy/principal.ts'
import type { SignatureFormat } from '../policy/signature-format.ts'

/** What every configured object has. Ids are lower-case GUIDs; a change makes a new version and keeps the old one. */
interface Versioned {
  readonly id: string
  readonly organizationId: string
  /** 1 for a new object, one more with every change. */
  readonly version: number
  readonly isActive: boolean
}

/** The top-level tenant; its `organizationId` is its own id. */
export interface Organization extends Versioned {
  readonly kind: 'organization'
  readonly name: string
  /** Days after completion until a request's artifacts are deleted; 0 keeps them. The audit log stays. */
  readonly artifactRetentionDays: number
}

/** A person (`interactive`) or a machine (`ci`). API tokens live in their own table. */
export interface User extends Versioned {
  readonly kind: 'user'
  readonly userType: 'interactive' | 'ci'
  /** Unique in the organization, case-insensitively; what `chancery.yaml` calls the user. */
  readonly name: string
  readonly emailAddress: string | null
  readonly roles: readonly Role[]
}

/** Users that hold rights together. */
export interface Group extends Versioned {
  readonly kind: 'group'
  readonly name: string
  readonly roles: readonly Role[]
  /** User ids, without duplicates. */
  readonly members: readonly string[]
}

/** What is built and signed: the parent of artifact configurations and signing policies. */
export interface Project extends Versioned {
  readonly kind: 'project'
  readonly slug: string
  readonly name: string
  readonly description: string
  readonly repositoryUrls: readonly string[]
  readonly readers: Assignees
  readonly configurators: Assignees
  readonly defaultArtifactConfigurationId: string | null
}

/** How the artifacts of a project look and what is signed in them. */
export interface ArtifactConfiguration extends Versioned {
  readonly kind: 'artifact-configuration'
  readonly projectId: string
  readonly slug: string
  readonly name: string
  /** SignPath's XML, exactly as it was given. */
  readonly xml: string
}

/** Who may have what signed with which certificate, and who has to agree. */
export interface SigningPolicy extends Versioned {
  readonly kind: 'signing-policy'
  readonly projectId: string
  readonly slug: string
  readonly name: string
  readonly certificateId: string
  readonly submitters: Assignees
  readonly approvers: Assignees
  /** How many approvers have to agree; 0 signs without approval. */
  readonly requiredApprovals: number
  /**
   * Image identities that metadata files and statements may name (`policy/image-identity.ts` has the pattern language).
   * None are allowed by an empty list.
   */
  readonly allowedImages: readonly string[]
  /** In which forms images are signed, in the order of `SIGNATURE_FORMATS`. */
  readonly signatureFormats: readonly SignatureFormat[]
  /** Predicate types of the attestations that are signed, exact URIs; none by an empty list. */
  readonly allowedPredicateTypes: readonly string[]
  /** Whether files that are neither Cosign metadata nor statements may be signed. */
  readonly allowOtherFiles: boolean
  /** Whether a bare hash, which cannot be examined, may be signed. */
  readonly allowHashSigning: boolean
}

/** Where a certificate's key came from (SignPath's `creationMethod`). */
export type CreationMethod = 'SelfSigned' | 'Csr' | 'PfxImport' | 'ImportedWithExistingKeyPair'

/** A key in a key store, with an X.509 certificate once there is one. */
export interface Certificate extends Versioned {
  readonly kind: 'certificate'
  readonly slug: string
  readonly name: string
  readonly creationMethod: CreationMethod
  readonly keyStore: 'software'
  readonly keyId: string
  readonly algorithm: SignatureAlgorithm
  /** Base64 DER SubjectPublicKeyInfo. */
  readonly publicKey: string
  /** Base64 DER certificates, leaf first; empty while a CSR waits for its certificate. */
  readonly chain: readonly string[]
  /** Base64 DER PKCS#10 request, for `Csr`. */
  readonly certificateSigningRequest: string | null
}

/** A build system that vouches for where an artifact came from. */
export interface TrustedBuildSystem extends Versioned {
  readonly kind: 'trusted-build-system'
  readonly slug: string
  readonly name: string
  readonly description: string
  /** Lower-case hex SHA-256 of its token; the token itself is shown once. */
  readonly tokenHash: string
}

/** Everything an administrator configures. */
export type CatalogObject =
  | Organization
  | User
  | Group
  | Project
  | ArtifactConfiguration
  | SigningPolicy
  | Certificate
  | TrustedBuildSystem

/** The `kind` of a {@link CatalogObject}. */
export type CatalogKind = CatalogObject['kind']
