import { Type, type Static } from 'typebox'
import { Guid, Instant, Slug } from './shapes.ts'

/** SignPath's `status` values. */
export const STATUSES = [
  'InProgress',
  'WaitingForApproval',
  'WaitingForArtifactUpload',
  'Completed',
  'Failed',
  'Denied',
  'Canceled',
] as const
/** One of {@link STATUSES}. */
export type Status = (typeof STATUSES)[number]

/** SignPath's `workflowStatus` values that Chancery produces. */
export const WORKFLOW_STATUSES = [
  'Submitted',
  'WaitingForApproval',
  'QueuedForProcessing',
  'Processing',
  'Completed',
  'ProcessingFailed',
  'ArtifactRetrievalFailed',
  'Denied',
  'Canceled',
] as const
/** One of {@link WORKFLOW_STATUSES}. */
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number]

const Status = Type.Enum([...STATUSES])
const WorkflowStatus = Type.Enum([...WORKFLOW_STATUSES])

/** `GET SigningRequests/{id}/Status`. */
export const SigningRequestStatus = Type.Object({
  signingRequestId: Guid,
  status: Status,
  workflowStatus: WorkflowStatus,
  isFinalStatus: Type.Boolean(),
})
export type SigningRequestStatus = Static<typeof SigningRequestStatus>

/** What every submit route answers. */
export const SubmittedSigningRequest = Type.Object({
  ...SigningRequestStatus.properties,
  webLink: Type.String(),
  uploadLink: Type.Optional(
    Type.String({ description: 'SubmitWithoutArtifact: where the bytes go' }),
  ),
})
export type SubmittedSigningRequest = Static<typeof SubmittedSigningRequest>

/** An image that a signing request speaks of, in a Cosign metadata file, in a statement, or in both alike. */
export const SigningRequestImage = Type.Object({
  /** The file inside the artifact; where two say the same, the metadata file. */
  path: Type.String(),
  /** `critical.identity.docker-reference`, or the name of the statement's subject, as the file has it. */
  dockerReference: Type.String(),
  /** Registry and repository, normalised: `docker.io/library/busybox`. */
  repository: Type.String(),
  digest: Type.String({ description: 'sha256:<64 hex>' }),
  annotations: Type.Record(Type.String(), Type.Unknown()),
  predicateType: Type.Optional(
    Type.String({ description: 'of the statement about the image; absent where there is none' }),
  ),
  statementPath: Type.Optional(
    Type.String({ description: 'the file with the statement; absent where there is none' }),
  ),
})
export type SigningRequestImage = Static<typeof SigningRequestImage>

/** A signature that a request produced. */
export const SigningRequestSignature = Type.Object({
  path: Type.String({ description: 'the signed file inside the artifact' }),
  outputPath: Type.String({ description: 'the signature inside the signed artifact' }),
  sha256: Type.String({ description: 'lower-case hex SHA-256 of the signed bytes' }),
  signature: Type.String({ description: 'base64' }),
})
export type SigningRequestSignature = Static<typeof SigningRequestSignature>

/** One approval or denial. */
export const SigningRequestApproval = Type.Object({
  userId: Guid,
  userName: Type.String(),
  decision: Type.Union([Type.Literal('approved'), Type.Literal('denied')]),
  reason: Type.Union([Type.String(), Type.Null()]),
  at: Instant,
})
export type SigningRequestApproval = Static<typeof SigningRequestApproval>

const Origin = Type.Object({
  buildData: Type.Optional(
    Type.Object({
      url: Type.Optional(Type.String()),
      buildSettingsFile: Type.Optional(
        Type.Object({ downloadLink: Type.String(), fileName: Type.String() }),
      ),
    }),
  ),
  repositoryData: Type.Optional(
    Type.Object({
      url: Type.Optional(Type.String()),
      branchName: Type.Optional(Type.String()),
      commitId: Type.Optional(Type.String()),
      sourceControlManagementType: Type.Optional(Type.String()),
    }),
  ),
})

/** `GET SigningRequests/{id}`: SignPath's members first, then ours. */
export const SigningRequestView = Type.Object({
  status: Status,
  isFinalStatus: Type.Boolean(),
  workflowStatus: WorkflowStatus,
  description: Type.Union([Type.String(), Type.Null()]),
  projectId: Guid,
  projectSlug: Slug,
  projectName: Type.String(),
  artifactConfigurationId: Guid,
  artifactConfigurationSlug: Slug,
  artifactConfigurationName: Type.String(),
  signingPolicyId: Guid,
  signingPolicySlug: Slug,
  signingPolicyName: Type.String(),
  unsignedArtifactLink: Type.Optional(Type.String()),
  signedArtifactLink: Type.Optional(
    Type.String({ description: 'absent only after the artifacts were deleted' }),
  ),
  webLink: Type.String(),
  origin: Type.Optional(Origin),
  parameters: Type.Record(Type.String(), Type.String()),

  id: Guid,
  kind: Type.Union([Type.Literal('artifact'), Type.Literal('hash')]),
  /** Why it was denied, failed or canceled: the rule, the value found and what to do. */
  statusReason: Type.Union([Type.String(), Type.Null()]),
  statusHints: Type.Array(Type.String()),
  submitterId: Guid,
  submitterName: Type.String(),
  submittedAt: Instant,
  completedAt: Type.Union([Instant, Type.Null()]),
  /** The versions that decided the request. */
  signingPolicyVersion: Type.Integer(),
  artifactConfigurationVersion: Type.Integer(),
  certificateId: Guid,
  certificateSlug: Slug,
  originalSigningRequestId: Type.Union([Guid, Type.Null()]),
  fileName: Type.Union([Type.String(), Type.Null()]),
  /** Lower-case hex; for an awaited artifact the announced hash. */
  unsignedArtifactSha256: Type.Union([Type.String(), Type.Null()]),
  images: Type.Array(SigningRequestImage),
  signatures: Type.Array(SigningRequestSignature),
  approvals: Type.Array(SigningRequestApproval),
  requiredApprovals: Type.Integer(),
})
export type SigningRequestView = Static<typeof SigningRequestView>

/** `GET SigningRequests`: newest first. */
export const SigningRequestQuery = Type.Object({
  projectSlug: Type.Optional(Slug),
  signingPolicySlug: Type.Optional(Slug),
  status: Type.Optional(Status),
  submitterId: Type.Optional(Guid),
  digest: Type.Optional(Type.String({ maxLength: 200, description: 'sha256:<hex> of an image' })),
  repository: Type.Optional(
    Type.String({
      maxLength: 500,
      description: 'registry/repository; Docker Hub names in any form',
    }),
  ),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  before: Type.Optional(
    Type.String({ maxLength: 40, description: 'continue after a page: the `next` of its answer' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
})
export type SigningRequestQuery = Static<typeof SigningRequestQuery>

/** A page of signing requests. */
export const SigningRequestPage = Type.Object({
  signingRequests: Type.Array(SigningRequestView),
  next: Type.Union([Type.String(), Type.Null()], {
    description:
      '`before` of the next page; null where there is none. A page has fewer requests than `limit` where they are large',
  }),
})
export type SigningRequestPage = Static<typeof SigningRequestPage>

/** `POST …/Deny`; the body may be empty. */
export const DenySigningRequest = Type.Object({
  reason: Type.Optional(Type.String({ maxLength: 2000 })),
})
export type DenySigningRequest = Static<typeof DenySigningRequest>

/** `POST …/SubmitWithPayload`: one file as JSON, signed before the answer where the policy needs no approval. */
export const SubmitWithPayload = Type.Object({
  projectSlug: Slug,
  signingPolicySlug: Slug,
  artifactConfigurationSlug: Type.Optional(Type.Union([Slug, Type.Null()])),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 2000 }), Type.Null()])),
  fileName: Type.Optional(Type.String({ maxLength: 260, default: 'payload.json' })),
  payload: Type.String({ description: 'base64 of the file, at most 1 MiB' }),
  parameters: Type.Optional(Type.Record(Type.String(), Type.String())),
})
export type SubmitWithPayload = Static<typeof SubmitWithPayload>

/** The answer to {@link SubmitWithPayload}: with the signatures where it was signed at once. */
export const SubmittedPayload = Type.Object({
  ...SigningRequestStatus.properties,
  webLink: Type.String(),
  statusReason: Type.Union([Type.String(), Type.Null()]),
  statusHints: Type.Array(Type.String()),
  signatures: Type.Array(SigningRequestSignature),
})
export type SubmittedPayload = Static<typeof SubmittedPayload>

/** SignPath's `SignHash`. */
export const SignHash = Type.Object({
  projectSlug: Slug,
  signingPolicySlug: Slug,
  artifactConfigurationSlug: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 2000 }), Type.Null()])),
  hashSigningData: Type.Object({
    signatureAlgorithm: Type.Union([Type.Literal('Rsa'), Type.Literal('Ecdsa')]),
    rsaOptions: Type.Optional(
      Type.Object({
        hashAlgorithmName: Type.Optional(
          Type.Union([Type.Literal('Sha256'), Type.Literal('Sha384'), Type.Literal('Sha512')]),
        ),
        hashAlgorithmOid: Type.Optional(Type.String({ maxLength: 40 })),
        paddingMode: Type.Optional(Type.Union([Type.Literal('Pkcs1'), Type.Literal('Pss')])),
      }),
    ),
    ecdsaOptions: Type.Optional(
      Type.Object({
        signatureFormat: Type.Optional(Type.Union([Type.Literal('Ieee'), Type.Literal('Asn1')])),
      }),
    ),
    hash: Type.String({ maxLength: 200, description: 'base64' }),
    metadata: Type.Optional(Type.Unknown()),
  }),
})
export type SignHash = Static<typeof SignHash>

/** The answer to {@link SignHash}. */
export const SignedHash = Type.Object({
  signingRequestId: Guid,
  webLink: Type.String(),
  hashSigningData: Type.Object({ hash: Type.String() }),
  hashSigningResult: Type.Object({ signature: Type.String({ description: 'base64' }) }),
})
export type SignedHash = Static<typeof SignedHash>
