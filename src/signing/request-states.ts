import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { Caller } from '../policy/caller.ts'
import type { Verdict } from './examination.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest, SigningRequestBody, StoredOrigin } from './signing-request.ts'
import type { ArtifactFile, Origin, Submission } from './signing-service.ts'
import type { SubmissionTarget } from './submission-target.ts'

const MAX_CANCELLATION_TIMEOUT_SECONDS = 31_536_000

/** What a resubmission takes over from the request before it. */
export interface Predecessor {
  readonly id: string
  readonly origin: StoredOrigin | null
  readonly buildSettingsFile: ArtifactFile | null
}

/** What a new request knows of its artifact. */
export interface NewArtifact {
  readonly fileName: string | null
  readonly sha256: string | null
  readonly isEntry: boolean
  readonly predecessor: Predecessor | null
}

/** A request as it is received, before anything was decided. */
export function newRequest(
  context: SigningContext,
  caller: Caller,
  submission: Submission,
  target: SubmissionTarget,
  artifact: NewArtifact,
): SigningRequest {
  const now = context.now()
  const body: SigningRequestBody = {
    description: submission.description ?? null,
    parameters: submission.parameters,
    origin: artifact.predecessor?.origin ?? originOf(caller, submission.origin),
    artifactConfigurationId: target.configuration.id,
    artifactConfigurationVersion: target.configuration.version,
    signingPolicyVersion: target.policy.version,
    certificateId: target.certificate.id,
    originalSigningRequestId: artifact.predecessor?.id ?? null,
    fileName: artifact.fileName,
    unsignedArtifactSha256: artifact.sha256,
    isEntry: artifact.isEntry,
    images: [],
    signatures: [],
    statusReason: null,
    statusHints: [],
    hash: null,
    artifactsDeletedAt: null,
  }
  return {
    id: randomGuid(now),
    organizationId: caller.principal.organizationId,
    projectId: target.project.id,
    signingPolicyId: target.policy.id,
    submitterId: caller.principal.userId,
    kind: 'artifact',
    status: 'InProgress',
    workflowStatus: 'Submitted',
    version: 1,
    submittedAt: now,
    completedAt: null,
    cancelAt: cancelAtOf(submission, now),
    body,
  }
}

/** A request that an examination ended. */
export function refusedRequest(
  request: SigningRequest,
  verdict: Exclude<Verdict, { outcome: 'allowed' }>,
  now: number,
): SigningRequest {
  const isDenied = verdict.outcome === 'denied'
  return {
    ...request,
    status: isDenied ? 'Denied' : 'Failed',
    workflowStatus: isDenied ? 'Denied' : 'ProcessingFailed',
    completedAt: now,
    body: {
      ...request.body,
      images: isDenied ? verdict.images : [],
      statusReason: verdict.reason,
      statusHints: verdict.hints,
    },
  }
}

/** A request with its signatures. */
export function signedRequest(
  request: SigningRequest,
  signatures: SigningRequestBody['signatures'],
  now: number,
): SigningRequest {
  return {
    ...request,
    status: 'Completed',
    workflowStatus: 'Completed',
    completedAt: now,
    body: { ...request.body, signatures },
  }
}

/** Only a trusted build system is believed about where an artifact came from. */
function originOf(caller: Caller, origin: Origin | undefined): StoredOrigin | null {
  const { trustedBuildSystemId } = caller.principal
  if (origin === undefined || trustedBuildSystemId === undefined) return null
  return {
    trustedBuildSystemId,
    buildUrl: origin.buildUrl ?? null,
    buildSettingsFileName: origin.buildSettingsFile?.fileName ?? null,
    repositoryUrl: origin.repositoryUrl ?? null,
    branchName: origin.branchName ?? null,
    commitId: origin.commitId ?? null,
    sourceControlManagementType: origin.sourceControlManagementType ?? null,
  }
}

function cancelAtOf(submission: Submission, now: number): number | null {
  const seconds = submission.cancellationTimeoutInSeconds
  if (seconds === undefined) return null
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_CANCELLATION_TIMEOUT_SECONDS) {
    throw new ChanceryError(
      'ERR_SIGNING_INPUT',
      'expected a whole number of seconds, 1 to 31536000',
      {
        field: 'CancellationTimeoutInSeconds',
      },
    )
  }
  return now + seconds * 1000
}
