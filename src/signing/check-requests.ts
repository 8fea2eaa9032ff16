import type { Catalog } from '../catalog/catalog.ts'
import { sha256Hex } from '../crypto/digest.ts'
import type { SignatureScheme } from '../crypto/signer.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import type { AuditEvent, Reader } from '../db/ledger.ts'
import { parseStoredJson } from '../db/stored-json.ts'
import { decodeBase64 } from '../format/base64.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import type { ArtifactStore } from './artifact-store.ts'
import { imageIndexProblems, recordProblems } from './check-record.ts'
import { planStored } from './complete-request.ts'
import type { Status } from '../wire/signing-requests.ts'
import type { RequestStore, StoredApproval } from './request-store.ts'
import { isFinalStatus, type SigningRequest } from './signing-request.ts'

/** What a check of the signing requests reads. */
export interface CheckContext {
  readonly catalog: Catalog
  readonly reader: Reader
  readonly requests: RequestStore
  readonly artifacts: ArtifactStore
}

/** What was counted, and one sentence for each thing that does not hold. */
export interface RequestCheck {
  readonly requests: number
  readonly signatures: number
  readonly problems: readonly string[]
}

/**
 * Holds every signing request against its stored bytes, its signatures against the key, and both against the audit
 * log: no signature without its event, no event without its request.
 */
export async function checkRequests(context: CheckContext): Promise<RequestCheck> {
  const problems: string[] = []
  let requests = 0
  let signatures = 0
  for (const { id } of context.reader.iterate<{ id: string }>(
    'SELECT id FROM signing_requests ORDER BY seq',
  )) {
    const request = context.requests.find(id)
    if (request === undefined) continue
    requests += 1
    signatures += request.body.signatures.length
    problems.push(
      ...(await checkRequest(context, request)).map(
        (problem) => `signing request ${id}: ${problem}`,
      ),
    )
  }
  problems.push(...eventsWithoutRequest(context.reader))
  return { requests, signatures, problems }
}

async function checkRequest(
  context: CheckContext,
  request: SigningRequest,
): Promise<readonly string[]> {
  try {
    const { status, body } = request
    const isSigned = body.signatures.length > 0
    if (isSigned !== (status === 'Completed'))
      return [`is ${status} with ${body.signatures.length} signatures`]
    const events = eventsOf(context.reader, request.id)
    const problems = [
      ...submittedProblems(request, events),
      ...recordProblems(request, events),
      ...imageIndexProblems(context.reader, request, events),
      ...projectProblems(context.catalog, request),
      ...statusProblems(request, events),
      ...signedProblems(request, events),
      ...approvalProblems(context.requests.approvals(request.id), events),
    ]
    if (hasArtifact(request)) problems.push(...(await artifactProblems(context, request)))
    return problems
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : 'cannot be read']
  }
}

function hasArtifact({ kind, status, body }: SigningRequest): boolean {
  return (
    kind === 'artifact' &&
    body.artifactsDeletedAt === null &&
    status !== 'WaitingForArtifactUpload' &&
    status !== 'Canceled'
  )
}

function submittedProblems(request: SigningRequest, events: readonly AuditEvent[]): string[] {
  const [submitted, ...more] = events.filter(({ type }) => type === 'SigningRequest.Submitted')
  if (submitted === undefined) return []
  if (more.length > 0) return ['its submission is in the audit log more than once']
  return submitted.data['sha256'] === request.body.unsignedArtifactSha256
    ? []
    : ['its artifact is not the one whose submission is in the audit log']
}

function projectProblems(catalog: Catalog, request: SigningRequest): string[] {
  const policy = catalog.find('signing-policy', request.signingPolicyId)
  const isOfProject =
    policy?.projectId === request.projectId && policy.organizationId === request.organizationId
  return isOfProject ? [] : ['its project is not that of its signing policy']
}

/** The audit log tells how a request ended, or that it did not. */
function statusProblems(request: SigningRequest, events: readonly AuditEvent[]): string[] {
  const ends = new Set(events.map(endOf).filter((status) => status !== undefined))
  const [end] = ends
  const isSame = isFinalStatus(request.status)
    ? ends.size === 1 && end === request.status
    : ends.size === 0
  return isSame
    ? []
    : [`is ${request.status}, but the audit log says ${[...ends].join(', ') || 'it did not end'}`]
}

const ENDS: ReadonlyMap<string, Status> = new Map<string, Status>([
  ['SigningRequest.Signed', 'Completed'],
  ['SigningRequest.Denied', 'Denied'],
  ['SigningRequest.Failed', 'Failed'],
  ['SigningRequest.Canceled', 'Canceled'],
])

function endOf({ type, data }: AuditEvent): Status | undefined {
  if (type === 'SigningRequest.Examined') return endByExamination(data)
  if (type === 'SigningRequest.Submitted') return endByExamination(data['examination'])
  return ENDS.get(type)
}

/** @param examination Undefined for a submission whose examination, if any, has an event of its own. */
function endByExamination(examination: unknown): Status | undefined {
  const { outcome } = (examination ?? {}) as { readonly outcome?: unknown }
  if (outcome === 'denied') return 'Denied'
  return outcome === 'failed' ? 'Failed' : undefined
}

function signedProblems(request: SigningRequest, events: readonly AuditEvent[]): string[] {
  if (request.status !== 'Completed') return []
  const [signed, ...more] = events.filter(({ type }) => type === 'SigningRequest.Signed')
  if (signed === undefined) return ['its signatures are not in the audit log']
  if (more.length > 0) return ['it was signed more than once']
  const isSame = canonicalJson(signed.data['signatures']) === canonicalJson(request.body.signatures)
  return isSame ? [] : ['its signatures are not those in the audit log']
}

function approvalProblems(
  approvals: readonly StoredApproval[],
  events: readonly AuditEvent[],
): string[] {
  const stored = approvals.map(({ userId, decision, at }) => `${userId} ${decision} ${at}`)
  const logged = events.flatMap(({ type, actorId, at }) => {
    if (type === 'SigningRequest.Approved') return [`${actorId ?? ''} approved ${at}`]
    return type === 'SigningRequest.Denied' && actorId !== null ? [`${actorId} denied ${at}`] : []
  })
  return stored.sort().join() === logged.sort().join()
    ? []
    : ['its approvals are not those in the audit log']
}

async function artifactProblems(
  context: CheckContext,
  request: SigningRequest,
): Promise<readonly string[]> {
  const artifact = await context.artifacts.load(request.id, 'unsigned')
  const { unsignedArtifactSha256, signatures } = request.body
  if (sha256Hex(artifact.bytes) !== unsignedArtifactSha256)
    return ['its artifact is not the submitted one']
  if (signatures.length === 0) return []
  const plan = planStored(context, request, artifact)
  if (plan.files.length !== signatures.length)
    return ['its signatures are not those that its configuration asks for']
  const publicKey = publicKeyOf(context, request)
  return signatures.flatMap((signature, index) => {
    const file = plan.files[index]
    if (file?.path !== signature.path) return [`the signature of ${signature.path} is out of place`]
    const scheme: SignatureScheme = {
      hash: file.hash,
      ...(file.rsaPadding === undefined ? {} : { rsaPadding: file.rsaPadding }),
    }
    return verifies(() => {
      verifySignature(publicKey, file.read(), decodeBase64(signature.signature), scheme)
    })
      ? []
      : [`the signature of ${signature.path} does not verify`]
  })
}

function verifies(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

function publicKeyOf(context: CheckContext, request: SigningRequest): Uint8Array {
  const certificate = context.catalog.find('certificate', request.body.certificateId)
  if (certificate === undefined) throw new Error('its certificate is missing')
  return decodeBase64(certificate.publicKey)
}

function eventsOf(reader: Reader, id: string): readonly AuditEvent[] {
  return reader
    .all<{ record: string }>(
      'SELECT record FROM audit_events WHERE object_id = ? ORDER BY number',
      id,
    )
    .map(({ record }) => parseStoredJson(record) as AuditEvent)
}

function eventsWithoutRequest(reader: Reader): readonly string[] {
  return reader
    .all<{ object_id: string; type: string }>(
      "SELECT object_id, type FROM audit_events e WHERE type IN ('SigningRequest.Submitted', 'SigningRequest.Signed') AND NOT EXISTS (SELECT 1 FROM signing_requests WHERE id = e.object_id)",
    )
    .map(
      ({ object_id, type }) =>
        `the event ${type} speaks of the signing request ${object_id}, which is missing`,
    )
}
