import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { SIGNATURE_ALGORITHMS } from '../crypto/algorithms.ts'
import { ROLES } from '../policy/principal.ts'
import { SIGNATURE_FORMATS } from '../policy/signature-format.ts'
import { AssigneesBody, Guid, Slug } from '../wire/shapes.ts'
import type { CatalogKind, CatalogObject } from './objects.ts'

const versioned = {
  id: Guid,
  organizationId: Guid,
  version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  isActive: Type.Boolean(),
}
const closed = { additionalProperties: false }
const Roles = Type.Array(Type.Union(ROLES.map((role) => Type.Literal(role))))
const NullableText = Type.Union([Type.String(), Type.Null()])
const Texts = Type.Array(Type.String())

const Organization = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('organization'),
    name: Type.String(),
    artifactRetentionDays: Type.Integer({ minimum: 0 }),
  },
  closed,
)

const User = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('user'),
    userType: Type.Union([Type.Literal('interactive'), Type.Literal('ci')]),
    name: Type.String(),
    emailAddress: NullableText,
    roles: Roles,
  },
  closed,
)

const Group = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('group'),
    name: Type.String(),
    roles: Roles,
    members: Type.Array(Guid),
  },
  closed,
)

const Project = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('project'),
    slug: Slug,
    name: Type.String(),
    description: Type.String(),
    repositoryUrls: Texts,
    readers: AssigneesBody,
    configurators: AssigneesBody,
    defaultArtifactConfigurationId: Type.Union([Guid, Type.Null()]),
  },
  closed,
)

const ArtifactConfiguration = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('artifact-configuration'),
    projectId: Guid,
    slug: Slug,
    name: Type.String(),
    xml: Type.String(),
  },
  closed,
)

const SigningPolicy = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('signing-policy'),
    projectId: Guid,
    slug: Slug,
    name: Type.String(),
    certificateId: Guid,
    submitters: AssigneesBody,
    approvers: AssigneesBody,
    requiredApprovals: Type.Integer({ minimum: 0 }),
    allowedImages: Texts,
    signatureFormats: Type.Array(Type.Union(SIGNATURE_FORMATS.map((one) => Type.Literal(one)))),
    allowedPredicateTypes: Texts,
    allowOtherFiles: Type.Boolean(),
    allowHashSigning: Type.Boolean(),
  },
  closed,
)

const Certificate = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('certificate'),
    slug: Slug,
    name: Type.String(),
    creationMethod: Type.Union([
      Type.Literal('SelfSigned'),
      Type.Literal('Csr'),
      Type.Literal('PfxImport'),
      Type.Literal('ImportedWithExistingKeyPair'),
    ]),
    keyStore: Type.Literal('software'),
    keyId: Guid,
    algorithm: Type.Union(SIGNATURE_ALGORITHMS.map((algorithm) => Type.Literal(algorithm))),
    publicKey: Type.String(),
    chain: Texts,
    certificateSigningRequest: NullableText,
  },
  closed,
)

const TrustedBuildSystem = Type.Object(
  {
    ...versioned,
    kind: Type.Literal('trusted-build-system'),
    slug: Slug,
    name: Type.String(),
    description: Type.String(),
    tokenHash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  closed,
)

interface Decoder<T> {
  Check(value: unknown): value is T
}

const compiled = {
  organization: Compile(Organization),
  user: Compile(User),
  group: Compile(Group),
  project: Compile(Project),
  'artifact-configuration': Compile(ArtifactConfiguration),
  'signing-policy': Compile(SigningPolicy),
  certificate: Compile(Certificate),
  'trusted-build-system': Compile(TrustedBuildSystem),
}

/** A schema that lacks a member of its object does not compile. */
const DECODERS: {
  readonly [K in CatalogKind]: Decoder<Extract<CatalogObject, { readonly kind: K }>>
} = compiled

/** Whether the text names a kind of configured object. */
export function isCatalogKind(kind: string): kind is CatalogKind {
  return Object.hasOwn(DECODERS, kind)
}

/**
 * Reads a stored object: every member there and of its type, and no other member. A signing policy that was stored
 * before there were statements signs metadata and statements of its images, and no attestations.
 *
 * @returns undefined if it is anything else.
 */
export function decodeCatalogObject(kind: CatalogKind, value: unknown): CatalogObject | undefined {
  const isPolicy = kind === 'signing-policy' && typeof value === 'object' && value !== null
  const complete: unknown = isPolicy ? { ...POLICY_DEFAULTS, ...value } : value
  return DECODERS[kind].Check(complete) ? complete : undefined
}

const POLICY_DEFAULTS = { signatureFormats: [...SIGNATURE_FORMATS], allowedPredicateTypes: [] }
