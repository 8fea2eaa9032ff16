import type { AuditEvent } from '../db/ledger.ts'
import type { Caller } from '../policy/caller.ts'
import type { Verdict } from './examination.ts'
import type { SigningRequest } from './signing-request.ts'
import type { Submission } from './signing-service.ts'
import type { SubmissionTarget } from './submission-target.ts'

/** An audit event about a signing request, on behalf of a caller, or of the service itself. */
export function requestEvent(
  type: string,
  at: number,
  request: { readonly id: string; readonly organizationId: string },
  caller: Caller | null,
  data: AuditEvent['data'],
): AuditEvent {
  return {
    organizationId: request.organizationId,
    type: `SigningRequest.${type}`,
    at,
    actorId: caller?.principal.userId ?? null,
    address: caller?.address ?? null,
    requestId: caller?.requestId ?? null,
    objectId: request.id,
    data,
  }
}

/** The event that a request was submitted. */
export function submittedEvent(
  request: SigningRequest,
  caller: Caller,
  target: SubmissionTarget,
  size: number | null,
  submission: Submission,
): AuditEvent {
  const { body } = request
  return requestEvent('Submitted', request.submittedAt, request, caller, {
    project: target.project.slug,
    signingPolicy: {
      id: target.policy.id,
      slug: target.policy.slug,
      version: target.policy.version,
    },
    artifactConfiguration: {
      id: target.configuration.id,
      slug: target.configuration.slug,
      version: target.configuration.version,
    },
    kind: request.kind,
    fileName: body.fileName,
    sha256: body.unsignedArtifactSha256,
    size,
    ...(body.description === null ? {} : { description: body.description }),
    ...(Object.keys(body.parameters).length === 0 ? {} : { parameters: body.parameters }),
    ...(body.origin === null ? {} : { origin: body.origin }),
    ...(body.originalSigningRequestId === null
      ? {}
      : { originalSigningRequestId: body.originalSigningRequestId }),
    ...(submission.origin !== undefined && body.origin === null
      ? { untrustedOriginIgnored: true }
      : {}),
  })
}

/** The event that an artifact was examined, with the verdict and the version of the policy that gave it. */
export function examinedEvent(
  request: SigningRequest,
  caller: Caller | null,
  at: number,
  signingPolicyVersion: number,
  verdict: Verdict,
): AuditEvent {
  return requestEvent('Examined', at, request, caller, {
    outcome: verdict.outcome,
    signingPolicyVersion,
    ...(verdict.outcome === 'failed' ? {} : { images: verdict.images }),
    ...(verdict.outcome === 'allowed' ? {} : { reason: verdict.reason }),
  })
}

/** The event that signatures were made: with which key, over what. */
export function signedEvent(
  request: SigningRequest,
  caller: Caller | null,
  target: Pick<SubmissionTarget, 'certificate'>,
  keyId: string,
): AuditEvent {
  return requestEvent('Signed', request.completedAt ?? request.submittedAt, request, caller, {
    certificate: { id: target.certificate.id, slug: target.certificate.slug },
    keyId,
    signatures: request.body.signatures,
  })
}
