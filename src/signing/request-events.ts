import type { AuditEvent } from '../db/ledger.ts'
import type { Caller } from '../policy/caller.ts'
import type { SigningRequestImage, SigningRequestSignature } from '../wire/signing-requests.ts'
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

/*
 * The members of `data` below are in the order of their names, in which they are stored: sorting them would cost more
 * than everything else about an event.
 */

/** The bytes that came with a submission, and what their examination found. */
export interface ExaminedArtifact {
  readonly size: number
  readonly verdict: Verdict
}

/**
 * The event that a request was submitted, and where its artifact came along, what the examination found.
 *
 * @param artifact Null for a hash, and for an artifact that is announced.
 */
export function submittedEvent(
  request: SigningRequest,
  caller: Caller,
  target: SubmissionTarget,
  artifact: ExaminedArtifact | null,
  submission: Submission,
): AuditEvent {
  const { body } = request
  return requestEvent('Submitted', request.submittedAt, request, caller, {
    artifactConfiguration: {
      id: target.configuration.id,
      slug: target.configuration.slug,
      version: target.configuration.version,
    },
    ...(body.description === null ? {} : { description: body.description }),
    ...(artifact === null
      ? {}
      : { examination: examinationMembers(artifact.verdict, target.policy.version) }),
    fileName: body.fileName,
    kind: request.kind,
    ...(body.origin === null ? {} : { origin: body.origin }),
    ...(body.originalSigningRequestId === null
      ? {}
      : { originalSigningRequestId: body.originalSigningRequestId }),
    ...(Object.keys(body.parameters).length === 0 ? {} : { parameters: body.parameters }),
    project: target.project.slug,
    sha256: body.unsignedArtifactSha256,
    signingPolicy: {
      id: target.policy.id,
      slug: target.policy.slug,
      version: target.policy.version,
    },
    size: artifact?.size ?? null,
    ...(submission.origin !== undefined && body.origin === null
      ? { untrustedOriginIgnored: true }
      : {}),
  })
}

/**
 * The event that an artifact was examined after its submission, with the verdict and the version of the policy that gave
 * it.
 */
export function examinedEvent(
  request: SigningRequest,
  caller: Caller | null,
  at: number,
  signingPolicyVersion: number,
  verdict: Verdict,
): AuditEvent {
  const data = examinationMembers(verdict, signingPolicyVersion)
  return requestEvent('Examined', at, request, caller, data)
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
    signatures: request.body.signatures.map(signatureMembers),
  })
}

function examinationMembers(verdict: Verdict, signingPolicyVersion: number): AuditEvent['data'] {
  return {
    ...(verdict.outcome === 'failed' ? {} : { images: verdict.images.map(imageMembers) }),
    outcome: verdict.outcome,
    ...(verdict.outcome === 'allowed' ? {} : { reason: verdict.reason }),
    signingPolicyVersion,
  }
}

function imageMembers(image: SigningRequestImage): SigningRequestImage {
  const { annotations, digest, dockerReference, path, predicateType, repository } = image
  if (predicateType === undefined) {
    return { annotations, digest, dockerReference, path, repository }
  }
  const { statementPath } = image
  return {
    annotations,
    digest,
    dockerReference,
    path,
    predicateType,
    repository,
    ...(statementPath === undefined ? {} : { statementPath }),
  }
}

function signatureMembers(made: SigningRequestSignature): SigningRequestSignature {
  const { outputPath, path, sha256, signature } = made
  return { outputPath, path, sha256, signature }
}
