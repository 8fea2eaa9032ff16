import { readObjectVersion } from '../catalog/object-versions.ts'
import type { ArtifactConfiguration, SigningPolicy } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { SigningPlan } from '../policy/signing-plan.ts'
import type { StoredArtifact } from './artifact-store.ts'
import { examineArtifact, inputOf, planArtifact, type Verdict } from './examination.ts'
import { withRights } from './find-request.ts'
import { hasQuorum, holdsRight } from './quorum.ts'
import { examinedEvent, requestEvent, signedEvent } from './request-events.ts'
import { refusedRequest, signedRequest } from './request-states.ts'
import { updateRequest } from './request-store.ts'
import { signFiles } from './sign-files.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'
import { findSigningCertificate, isCurrent, requireActive } from './submission-target.ts'

/**
 * Signs a request that nothing holds back any more: after its submission, after the last approval, after a crash.
 *
 * The stored bytes are examined again, under the artifact configuration of the submission and the signing policy as
 * it is now: a policy that was narrowed meanwhile denies, a submitter who is none any more fails. Does nothing unless the request is in progress; two runs at
 * once are harmless, since only one of them commits.
 *
 * @throws ChanceryError ERR_DB_UNAVAILABLE, ERR_KEYS_UNAVAILABLE: the request stays in progress.
 */
export async function completeRequest(
  context: SigningContext,
  id: string,
): Promise<SigningRequest | undefined> {
  const request = context.requests.find(id)
  if (request?.status !== 'InProgress' || request.kind !== 'artifact') return request
  try {
    return await signOrFail(context, request)
  } catch (thrown) {
    // Canceled, or signed by another run meanwhile.
    if (thrown instanceof ChanceryError && thrown.code === 'ERR_DB_CONFLICT')
      return context.requests.find(id)
    throw thrown
  }
}

async function signOrFail(
  context: SigningContext,
  request: SigningRequest,
): Promise<SigningRequest> {
  try {
    return await examineAndSign(context, request)
  } catch (thrown) {
    const isOver = thrown instanceof ChanceryError && thrown.code !== 'ERR_DB_CONFLICT'
    if (!isOver || thrown.kind === 'unavailable') throw thrown
    return fail(context, request, thrown)
  }
}

/** Starts {@link completeRequest} unless that has been done; errors are reported, and it runs again later. */
export function completeInBackground(context: SigningContext, id: string): Promise<void> {
  const running = context.background.get(id)
  if (running !== undefined) return running
  const work = completeRequest(context, id)
    .catch((error: unknown) => context.report(error, id))
    .then(() => {
      context.background.delete(id)
    })
  context.background.set(id, work)
  return work
}

async function examineAndSign(
  context: SigningContext,
  request: SigningRequest,
): Promise<SigningRequest> {
  const { project, policy } = withRights(context, request)
  requireActive(project, `project '${project.slug}'`)
  requireActive(policy, `signing policy '${policy.slug}'`)
  requireSubmitter(context, request, policy)
  if (!isApproved(context, request, policy)) return awaitApproval(context, request, policy)
  const certificate = findSigningCertificate(context.catalog, policy, context.now())
  const artifact = await context.artifacts.load(request.id, 'unsigned')
  const input = inputOf(artifact, request.body.isEntry)
  const configuration = configurationOf(context, request)
  const verdict = await examineArtifact(
    context.examiner,
    request.organizationId,
    configuration,
    policy,
    input,
    request.body.parameters,
  )
  const isNews =
    policy.version !== request.body.signingPolicyVersion || verdict.outcome !== 'allowed'
  const events = isNews
    ? [examinedEvent(request, null, context.now(), policy.version, verdict)]
    : []
  const next = nextVersion(request, policy.version, certificate.id, verdict)
  if (verdict.outcome !== 'allowed') {
    const refused = refusedRequest(next, verdict, context.now())
    await context.ledger.commit({ statements: updateRequest(refused), events })
    return refused
  }
  const signer = context.signers.openSigner(certificate.keyId)
  const signatures = await signFiles(verdict, signer)
  const isStillWanted =
    isCurrent(context.catalog, { project, policy, certificate }) &&
    holdsRight(context, request.submitterId, policy.submitters) &&
    isApproved(context, request, policy)
  if (!isStillWanted) return examineAndSign(context, request)
  const signed = signedRequest(next, signatures, context.now())
  await context.ledger.commit({
    statements: updateRequest(signed),
    events: [...events, signedEvent(signed, null, { certificate }, signer.keyId)],
  })
  return signed
}

/** Whoever was deactivated, or taken from the submitters, has nothing signed any more, approved or not. */
function requireSubmitter(
  context: SigningContext,
  { submitterId }: SigningRequest,
  policy: SigningPolicy,
): void {
  if (holdsRight(context, submitterId, policy.submitters)) return
  throw new ChanceryError(
    'ERR_POLICY_FORBIDDEN',
    `whoever submitted the request is no active submitter of the signing policy '${policy.slug}' any more`,
    { hints: ['have a submitter of the policy submit the artifact anew, or resubmit the request'] },
  )
}

function isApproved(
  context: SigningContext,
  { id }: SigningRequest,
  policy: SigningPolicy,
): boolean {
  return (
    policy.requiredApprovals === 0 || hasQuorum(context, policy, context.requests.approvals(id))
  )
}

/** Sends a request back to its approvers: the policy asks for more of them now, or some are none any more. */
async function awaitApproval(
  context: SigningContext,
  request: SigningRequest,
  { requiredApprovals, version }: SigningPolicy,
): Promise<SigningRequest> {
  const workflowStatus = 'WaitingForApproval'
  const waiting: SigningRequest = {
    ...request,
    version: request.version + 1,
    status: workflowStatus,
    workflowStatus,
  }
  await context.ledger.commit({
    statements: updateRequest(waiting),
    events: [
      requestEvent('ApprovalMissing', context.now(), waiting, null, {
        requiredApprovals,
        signingPolicyVersion: version,
      }),
    ],
  })
  return waiting
}

function nextVersion(
  request: SigningRequest,
  signingPolicyVersion: number,
  certificateId: string,
  verdict: Verdict,
): SigningRequest {
  const images = verdict.outcome === 'failed' ? request.body.images : verdict.images
  return {
    ...request,
    version: request.version + 1,
    body: { ...request.body, images, signingPolicyVersion, certificateId },
  }
}

/** What the configuration of its submission signs in a stored request's artifact. @throws ChanceryError as `planSigning`. */
export function planStored(
  context: Pick<SigningContext, 'catalog' | 'reader'>,
  request: SigningRequest,
  artifact: StoredArtifact,
): SigningPlan {
  const configuration = configurationOf(context, request)
  return planArtifact(
    configuration,
    inputOf(artifact, request.body.isEntry),
    request.body.parameters,
  )
}

/** The version of the artifact configuration that the request was submitted under. */
function configurationOf(
  context: Pick<SigningContext, 'catalog' | 'reader'>,
  request: SigningRequest,
): ArtifactConfiguration {
  const { artifactConfigurationId, artifactConfigurationVersion } = request.body
  const current = context.catalog.find('artifact-configuration', artifactConfigurationId)
  if (current?.version === artifactConfigurationVersion) return current
  return readObjectVersion(
    context.reader,
    'artifact-configuration',
    artifactConfigurationId,
    artifactConfigurationVersion,
  )
}

async function fail(
  context: SigningContext,
  request: SigningRequest,
  error: ChanceryError,
): Promise<SigningRequest> {
  const failed: SigningRequest = {
    ...request,
    version: request.version + 1,
    status: 'Failed',
    workflowStatus: 'ProcessingFailed',
    completedAt: context.now(),
    body: { ...request.body, statusReason: error.message, statusHints: error.hints },
  }
  await context.ledger.commit({
    statements: updateRequest(failed),
    events: [
      requestEvent('Failed', context.now(), failed, null, {
        code: error.code,
        reason: error.message,
      }),
    ],
  })
  return failed
}
