import { ChanceryError } from '../errors/chancery-error.ts'
import type { Caller } from '../policy/caller.ts'
import { mayApprove, mayCancel, requirePermission } from '../policy/permission.ts'
import type { SigningRequestStatus } from '../wire/signing-requests.ts'
import { completeRequest } from './complete-request.ts'
import { findReadableRequest, type FoundRequest } from './find-request.ts'
import { hasQuorum } from './quorum.ts'
import { recordingRefusal } from './refusals.ts'
import { requestEvent } from './request-events.ts'
import { insertApproval, updateRequest, type StoredApproval } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'
import { isFinalStatus, type SigningRequest } from './signing-request.ts'

/** How often a decision is repeated that met another one on the same request. */
const MAX_ATTEMPTS = 8

const MAX_REASON = 2000

/**
 * Agrees to a request. With the last approval that the policy asks for, it is signed; the answer waits for that.
 *
 * @throws ChanceryError ERR_SIGNING_STATE if it does not wait for approval, or the caller has decided already.
 * @throws ChanceryError ERR_SIGNING_OWN_REQUEST if the caller submitted it.
 */
export async function approveRequest(
  context: SigningContext,
  caller: Caller,
  id: string,
  reason: string | undefined,
): Promise<SigningRequestStatus> {
  const request = await decide(context, caller, id, 'approved', reason)
  if (request.status !== 'InProgress') return statusOf(request)
  try {
    return statusOf((await completeRequest(context, request.id)) ?? request)
  } catch (thrown) {
    // The approval is kept whatever becomes of the signature, so the answer is that the request is in progress.
    context.report(thrown, request.id)
    return statusOf(request)
  }
}

/** Refuses a request; one denial is enough. @throws As {@link approveRequest}. */
export async function denyRequest(
  context: SigningContext,
  caller: Caller,
  id: string,
  reason: string | undefined,
): Promise<SigningRequestStatus> {
  return statusOf(await decide(context, caller, id, 'denied', reason))
}

/**
 * Withdraws a request that is not final.
 *
 * @throws ChanceryError ERR_SIGNING_STATE if it is final.
 */
export async function cancelRequest(
  context: SigningContext,
  caller: Caller,
  id: string,
): Promise<SigningRequestStatus> {
  const attempt = async () => {
    const { request, project } = findReadableRequest(context, caller, id)
    requirePermission(
      mayCancel(caller.principal, project, request.submitterId),
      'submitter of this signing request, or Project Administrator',
    )
    if (isFinalStatus(request.status)) throw wrongState(request, 'a request that is not final')
    return cancel(context, caller, request, 'canceled by its submitter or an administrator')
  }
  const canceled = await recordingRefusal(context, caller, id, 'cancel', () =>
    repeatOnConflict(attempt),
  )
  return statusOf(canceled)
}

/** Cancels a request whose time is over, unless it is final by now. */
export async function cancelOverdue(context: SigningContext, id: string): Promise<void> {
  await repeatOnConflict(async () => {
    const request = context.requests.find(id)
    if (request === undefined || isFinalStatus(request.status)) return
    await cancel(context, null, request, 'not completed within its cancellation timeout')
  })
}

/** The part of a request that clients poll. */
export function statusOf(request: SigningRequest): SigningRequestStatus {
  return {
    signingRequestId: request.id,
    status: request.status,
    workflowStatus: request.workflowStatus,
    isFinalStatus: isFinalStatus(request.status),
  }
}

async function decide(
  context: SigningContext,
  caller: Caller,
  id: string,
  decision: StoredApproval['decision'],
  reason: string | undefined,
): Promise<SigningRequest> {
  if (reason !== undefined && reason.length > MAX_REASON) {
    throw new ChanceryError(
      'ERR_SIGNING_INPUT',
      `expected a reason of at most ${MAX_REASON} characters`,
      {
        field: 'Reason',
      },
    )
  }
  const attempt = async () => {
    const found = findReadableRequest(context, caller, id)
    const earlier = requireDecision(context, caller, found)
    const at = context.now()
    const approval = { userId: caller.principal.userId, decision, reason: reason ?? null, at }
    const next = afterDecision(context, found, approval, earlier)
    await context.ledger.commit({
      statements: [insertApproval(next.id, approval), ...updateRequest(next)],
      events: [
        requestEvent(decision === 'approved' ? 'Approved' : 'Denied', at, next, caller, {
          reason: approval.reason,
          signingPolicyVersion: found.policy.version,
          sha256: next.body.unsignedArtifactSha256,
          images: next.body.images,
        }),
      ],
    })
    return next
  }
  const tried = decision === 'approved' ? 'approve' : 'deny'
  return recordingRefusal(context, caller, id, tried, () => repeatOnConflict(attempt))
}

/** Who may decide, and may decide now; returns the decisions before this one. */
function requireDecision(
  context: SigningContext,
  caller: Caller,
  { request, policy }: FoundRequest,
): readonly StoredApproval[] {
  const { principal } = caller
  requirePermission(
    mayApprove(principal, policy),
    `approver of the signing policy '${policy.slug}'`,
  )
  if (request.submitterId === principal.userId) {
    throw new ChanceryError(
      'ERR_SIGNING_OWN_REQUEST',
      'nobody approves or denies a request of their own',
      {
        hints: ['ask another approver, or cancel the request'],
      },
    )
  }
  if (request.status !== 'WaitingForApproval')
    throw wrongState(request, 'a request that waits for approval')
  const approvals = context.requests.approvals(request.id)
  if (approvals.some(({ userId }) => userId === principal.userId)) {
    throw new ChanceryError('ERR_SIGNING_STATE', 'you have decided on this request already')
  }
  return approvals
}

function afterDecision(
  context: SigningContext,
  { request, policy }: FoundRequest,
  approval: StoredApproval,
  earlier: readonly StoredApproval[],
): SigningRequest {
  const next = { ...request, version: request.version + 1 }
  if (approval.decision === 'denied') {
    const statusReason = approval.reason ?? 'denied by an approver'
    return {
      ...next,
      status: 'Denied',
      workflowStatus: 'Denied',
      completedAt: approval.at,
      body: { ...request.body, statusReason },
    }
  }
  if (!hasQuorum(context, policy, [...earlier, approval])) return next
  return { ...next, status: 'InProgress', workflowStatus: 'QueuedForProcessing' }
}

async function cancel(
  context: SigningContext,
  caller: Caller | null,
  request: SigningRequest,
  reason: string,
): Promise<SigningRequest> {
  const canceled: SigningRequest = {
    ...request,
    version: request.version + 1,
    status: 'Canceled',
    workflowStatus: 'Canceled',
    completedAt: context.now(),
    body: { ...request.body, statusReason: reason },
  }
  await context.ledger.commit({
    statements: updateRequest(canceled),
    events: [requestEvent('Canceled', context.now(), canceled, caller, { reason })],
  })
  return canceled
}

function wrongState(request: SigningRequest, expected: string): ChanceryError {
  return new ChanceryError(
    'ERR_SIGNING_STATE',
    `expected ${expected}, found one that is ${request.status}`,
  )
}

async function repeatOnConflict<Value>(attempt: () => Promise<Value>): Promise<Value> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt()
    } catch (thrown) {
      const isConflict =
        thrown instanceof ChanceryError &&
        (thrown.code === 'ERR_DB_CONFLICT' || thrown.code === 'ERR_DB_DUPLICATE')
      if (!isConflict || count >= MAX_ATTEMPTS) throw thrown
    }
  }
}
