import type { SignatureScheme } from '../crypto/signer.ts'
import type {
  SigningRequestImage,
  SigningRequestSignature,
  Status,
  WorkflowStatus,
} from '../wire/signing-requests.ts'

/** Where an artifact came from, as it is stored; only kept where a trusted build system vouched for it. */
export interface StoredOrigin {
  readonly trustedBuildSystemId: string
  readonly buildUrl: string | null
  readonly buildSettingsFileName: string | null
  readonly repositoryUrl: string | null
  readonly branchName: string | null
  readonly commitId: string | null
  readonly sourceControlManagementType: string | null
}

/** The members of a signing request that are not searched; stored as JSON. */
export interface SigningRequestBody {
  readonly description: string | null
  readonly parameters: Readonly<Record<string, string>>
  readonly origin: StoredOrigin | null
  readonly artifactConfigurationId: string
  readonly artifactConfigurationVersion: number
  /** The version of the signing policy under which the request was last examined. */
  readonly signingPolicyVersion: number
  readonly certificateId: string
  readonly originalSigningRequestId: string | null
  readonly fileName: string | null
  /** Lower-case hex SHA-256 of the unsigned artifact, or the announced one while it is awaited. */
  readonly unsignedArtifactSha256: string | null
  /** True where one bare file stands for a ZIP that holds it. */
  readonly isEntry: boolean
  readonly images: readonly SigningRequestImage[]
  readonly signatures: readonly SigningRequestSignature[]
  readonly statusReason: string | null
  readonly statusHints: readonly string[]
  /** For hashes: what was signed, and how. */
  readonly hash: {
    readonly value: string
    readonly scheme: SignatureScheme
    readonly metadata: unknown
  } | null
  readonly artifactsDeletedAt: number | null
}

/** A signing request as it is stored. */
export interface SigningRequest {
  readonly id: string
  readonly organizationId: string
  readonly projectId: string
  readonly signingPolicyId: string
  readonly submitterId: string
  readonly kind: 'artifact' | 'hash'
  readonly status: Status
  readonly workflowStatus: WorkflowStatus
  /** One more with every change of state. */
  readonly version: number
  readonly submittedAt: number
  readonly completedAt: number | null
  /** When it cancels itself, unless it is final by then. */
  readonly cancelAt: number | null
  readonly body: SigningRequestBody
}

const FINAL: ReadonlySet<Status> = new Set<Status>(['Completed', 'Failed', 'Denied', 'Canceled'])

/** Whether nothing will change the status any more. */
export function isFinalStatus(status: Status): boolean {
  return FINAL.has(status)
}
