import { sha256 } from '../crypto/digest.ts'
import { sha256InSlices, SLICE_BYTES } from '../crypto/sliced-digest.ts'
import type { AuditEvent } from '../db/ledger.ts'
import { encodeHex } from '../format/hex.ts'
import type { Caller } from '../policy/caller.ts'
import { completeInBackground } from './complete-request.ts'
import { examineArtifact, inputOf, type Verdict } from './examination.ts'
import { commitOrFindEarlier, findEarlier, idempotencyOf, rememberKey } from './idempotency.ts'
import { signedEvent, submittedEvent } from './request-events.ts'
import { newRequest, refusedRequest, signedRequest, type Predecessor } from './request-states.ts'
import { insertRequest } from './request-store.ts'
import { isQuick, signFiles } from './sign-files.ts'
import { requireSubmissionTarget } from './refusals.ts'
import type { SigningContext } from './signing-context.ts'
import { isFinalStatus, type SigningRequest } from './signing-request.ts'
import type { IncomingArtifact, Submission, Submitted } from './signing-service.ts'
import { stageBuildSettings } from './stage-build-settings.ts'
import { isStillTarget, presentCaller, type SubmissionTarget } from './submission-target.ts'

/**
 * Submits an artifact: examines it, and where no approval is needed and the key is quick, signs it. All of it is one
 * durable change; whatever is left to do is done after the answer by `completeRequest`, as after a crash.
 */
export async function submitRequest(
  context: SigningContext,
  caller: Caller,
  submission: Submission,
  artifact: IncomingArtifact,
  predecessor: Predecessor | null = null,
): Promise<Submitted> {
  const target = await requireSubmissionTarget(
    context,
    caller,
    submission,
    predecessor === null ? 'submit' : 'resubmit',
  )
  const { bytes } = artifact
  const hash = bytes.length > SLICE_BYTES ? await sha256InSlices(bytes) : sha256(bytes)
  const kind = artifact.isEntry ? 'entry' : 'artifact'
  const key = idempotencyOf(caller, submission, kind, hash, artifact.fileName, predecessor)
  const known = findEarlier(context, caller, key)
  if (known !== undefined) return submittedOf(known)

  const input = inputOf(artifact, artifact.isEntry)
  const verdict = await examineArtifact(
    context.examiner,
    caller.principal.organizationId,
    target.configuration,
    target.policy,
    input,
    submission.parameters,
  )
  const received = newRequest(context, caller, submission, target, {
    fileName: artifact.fileName,
    sha256: encodeHex(hash),
    isEntry: artifact.isEntry,
    predecessor,
  })
  const { request, events } = await decideAtOnce(context, caller, received, target, verdict)
  const buildSettingsFile =
    predecessor === null ? submission.origin?.buildSettingsFile : predecessor.buildSettingsFile
  try {
    const statements = [
      ...insertRequest(request),
      await context.artifacts.stage(request.id, 'unsigned', artifact, hash),
      ...(await stageBuildSettings(context, request, buildSettingsFile)),
      ...rememberKey(caller, key, request),
    ]
    if (!isStillTarget(context, caller, target)) {
      const present = presentCaller(context, caller)
      return await submitRequest(context, present, submission, artifact, predecessor)
    }
    const committed = await commitOrFindEarlier(context, caller, key, statements, [
      submittedEvent(request, caller, target, { size: artifact.bytes.length, verdict }, submission),
      ...events,
    ])
    if (committed !== undefined) return submittedOf(committed)
  } finally {
    await context.artifacts.settle(request.id)
  }
  if (request.status === 'InProgress') void completeInBackground(context, request.id)
  return submittedOf(request)
}

/** The answer to a submission. */
export function submittedOf(request: SigningRequest): Submitted {
  return {
    signingRequestId: request.id,
    status: request.status,
    workflowStatus: request.workflowStatus,
    isFinalStatus: isFinalStatus(request.status),
    statusReason: request.body.statusReason,
    statusHints: [...request.body.statusHints],
    signatures: request.body.signatures,
  }
}

/** Turns a verdict into the next state, signing where that is quick, with the event of that. */
export async function decideAtOnce(
  context: SigningContext,
  caller: Caller,
  request: SigningRequest,
  target: SubmissionTarget,
  verdict: Verdict,
): Promise<{ readonly request: SigningRequest; readonly events: readonly AuditEvent[] }> {
  if (verdict.outcome !== 'allowed') {
    return { request: refusedRequest(request, verdict, context.now()), events: [] }
  }
  const body = { ...request.body, images: verdict.images }
  if (target.policy.requiredApprovals > 0) {
    const workflowStatus = 'WaitingForApproval'
    return { request: { ...request, status: workflowStatus, workflowStatus, body }, events: [] }
  }
  const queued = { ...request, workflowStatus: 'QueuedForProcessing', body } as const
  const signer = context.signers.openSigner(target.certificate.keyId)
  if (!isQuick(verdict.plan, signer)) return { request: queued, events: [] }
  const signatures = await signFiles(verdict, signer)
  const signed = signedRequest(queued, signatures, context.now())
  return { request: signed, events: [signedEvent(signed, caller, target, signer.keyId)] }
}
