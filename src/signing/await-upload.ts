import { sha256InSlices } from '../crypto/sliced-digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeHex, encodeHex } from '../format/hex.ts'
import type { Caller } from '../policy/caller.ts'
import { requirePermission } from '../policy/permission.ts'
import { completeInBackground } from './complete-request.ts'
import { examineArtifact } from './examination.ts'
import { findReadableRequest } from './find-request.ts'
import { commitOrFindEarlier, findEarlier, idempotencyOf, rememberKey } from './idempotency.ts'
import { examinedEvent, requestEvent, submittedEvent } from './request-events.ts'
import { newRequest } from './request-states.ts'
import { insertRequest, updateRequest } from './request-store.ts'
import { recordingRefusal, requireSubmissionTarget } from './refusals.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'
import type { Submission, Submitted, UnsignedArtifactMetadata } from './signing-service.ts'
import { stageBuildSettings } from './stage-build-settings.ts'
import { decideAtOnce, submittedOf } from './submit-request.ts'
import {
  findSubmissionTarget,
  isStillTarget,
  presentCaller,
  type SubmissionTarget,
} from './submission-target.ts'

/**
 * Announces an artifact that is uploaded later; its hash is part of the announcement.
 *
 * @throws ChanceryError ERR_SIGNING_INPUT if the hash is not SHA-256 in lower-case hex.
 */
export async function submitWithoutArtifact(
  context: SigningContext,
  caller: Caller,
  submission: Submission,
  metadata: UnsignedArtifactMetadata,
): Promise<Submitted> {
  const target = await requireSubmissionTarget(context, caller, submission, 'announce')
  const hash = decodeSha256(metadata.sha256Hash)
  const key = idempotencyOf(caller, submission, 'announced', hash, metadata.fileName, null)
  const known = findEarlier(context, caller, key)
  if (known !== undefined) return submittedOf(known)
  const request = {
    ...newRequest(context, caller, submission, target, {
      fileName: metadata.fileName,
      sha256: metadata.sha256Hash,
      isEntry: false,
      predecessor: null,
    }),
    status: 'WaitingForArtifactUpload',
  } as const
  try {
    const statements = [
      ...insertRequest(request),
      ...(await stageBuildSettings(context, request, submission.origin?.buildSettingsFile)),
      ...rememberKey(caller, key, request),
    ]
    const earlier = await commitOrFindEarlier(context, caller, key, statements, [
      submittedEvent(request, caller, target, null, submission),
    ])
    return submittedOf(earlier ?? request)
  } finally {
    await context.artifacts.settle(request.id)
  }
}

/**
 * Brings the announced bytes; from here on the request goes the way of any other.
 *
 * @throws ChanceryError ERR_SIGNING_ARTIFACT_DIFFERS if they are not the announced ones; the request goes on waiting.
 * @throws ChanceryError ERR_SIGNING_STATE if the request awaits no upload.
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if the caller did not submit it, or may not any more; the attempt is durable.
 */
export function uploadUnsignedArtifact(
  context: SigningContext,
  caller: Caller,
  id: string,
  bytes: Uint8Array,
): Promise<Submitted> {
  return recordingRefusal(context, caller, id, 'upload', () => upload(context, caller, id, bytes))
}

async function upload(
  context: SigningContext,
  caller: Caller,
  id: string,
  bytes: Uint8Array,
): Promise<Submitted> {
  const { request } = findReadableRequest(context, caller, id)
  requirePermission(
    request.submitterId === caller.principal.userId,
    'submitter of this signing request',
  )
  const hash = await sha256InSlices(bytes)
  const found = encodeHex(hash)
  if (request.status !== 'WaitingForArtifactUpload') {
    // A client that lost the answer repeats the upload.
    if (request.body.unsignedArtifactSha256 === found && request.status !== 'Canceled') {
      return submittedOf(request)
    }
    throw new ChanceryError(
      'ERR_SIGNING_STATE',
      `expected a request that waits for its artifact, found one that is ${request.status}`,
    )
  }
  const fileName = requireAnnounced(request, found)
  const target = targetOf(context, caller, request)
  const verdict = await examineArtifact(
    context.examiner,
    request.organizationId,
    target.configuration,
    target.policy,
    { kind: 'file', fileName, bytes },
    request.body.parameters,
  )
  const received = {
    ...request,
    version: request.version + 1,
    status: 'InProgress',
    body: {
      ...request.body,
      artifactConfigurationVersion: target.configuration.version,
      signingPolicyVersion: target.policy.version,
      certificateId: target.certificate.id,
    },
  } as const
  const decided = await decideAtOnce(context, caller, received, target, verdict)
  try {
    const file = { fileName, bytes }
    const artifact = await context.artifacts.stage(request.id, 'unsigned', file, hash)
    if (!isStillTarget(context, caller, target))
      return await upload(context, presentCaller(context, caller), id, bytes)
    await context.ledger.commit({
      statements: [artifact, ...updateRequest(decided.request)],
      events: [
        requestEvent('ArtifactUploaded', context.now(), request, caller, {
          artifactConfiguration: {
            id: target.configuration.id,
            slug: target.configuration.slug,
            version: target.configuration.version,
          },
          sha256: found,
          size: bytes.length,
        }),
        examinedEvent(request, caller, context.now(), target.policy.version, verdict),
        ...decided.events,
      ],
    })
  } catch (thrown) {
    if (!isOvertaken(thrown)) throw thrown
    return await upload(context, caller, id, bytes)
  } finally {
    await context.artifacts.settle(request.id)
  }
  if (decided.request.status === 'InProgress') void completeInBackground(context, request.id)
  return submittedOf(decided.request)
}

/** The announced name of an announced file. */
function requireAnnounced(
  { body: { fileName, unsignedArtifactSha256 } }: SigningRequest,
  found: string,
): string {
  if (found === unsignedArtifactSha256 && fileName !== null) return fileName
  throw new ChanceryError(
    'ERR_SIGNING_ARTIFACT_DIFFERS',
    `expected the announced bytes with SHA-256 ${unsignedArtifactSha256 ?? ''}, found ${found}`,
    { hints: ['upload the file that was announced, or submit the other one anew'] },
  )
}

/** What the request was announced for, as it is now. */
function targetOf(
  context: SigningContext,
  caller: Caller,
  request: SigningRequest,
): SubmissionTarget {
  return findSubmissionTarget(
    context.catalog,
    caller.principal,
    {
      signingPolicyId: request.signingPolicyId,
      artifactConfigurationId: request.body.artifactConfigurationId,
      parameters: {},
    },
    context.now(),
  )
}

/** The same upload, sent twice, came first: then the answer is the one to a repeated upload. */
function isOvertaken(thrown: unknown): boolean {
  const codes: readonly string[] = ['ERR_DB_DUPLICATE', 'ERR_DB_CONFLICT']
  return thrown instanceof ChanceryError && codes.includes(thrown.code)
}

function decodeSha256(text: string): Uint8Array {
  if (text.length === 64) return decodeHex(text)
  throw new ChanceryError(
    'ERR_SIGNING_INPUT',
    'expected a SHA-256 hash as 64 lower-case hexadecimal digits',
    {
      field: 'UnsignedArtifactMetadata.Sha256Hash',
    },
  )
}
