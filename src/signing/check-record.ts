import type { AuditEvent, Reader } from '../db/ledger.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import type { SigningRequestImage } from '../wire/signing-requests.ts'
import type { SigningRequest } from './signing-request.ts'

type Data = AuditEvent['data']

/**
 * Holds what a stored request says of itself against the audit log: whose it is, what it was submitted to, under which
 * versions it was examined, which images were found. Whoever changes that in the database could otherwise have others'
 * requests, approve their own, or have them signed under another policy.
 *
 * @param events Of the request, in order.
 * @returns One sentence for each thing that is not as it was logged.
 */
export function recordProblems(request: SigningRequest, events: readonly AuditEvent[]): string[] {
  const submitted = events.find(({ type }) => type === 'SigningRequest.Submitted')
  if (submitted === undefined) return ['its submission is not in the audit log']
  const logged = loggedOf(submitted, events)
  const stored = storedOf(request)
  return Object.entries(logged)
    .filter(([name, value]) => canonicalJson(value ?? null) !== canonicalJson(stored[name] ?? null))
    .map(([name]) => `its ${name} is not the one in the audit log`)
}

/** Holds the rows by which a request is found by image against the images that the audit log names. */
export function imageIndexProblems(
  reader: Reader,
  request: SigningRequest,
  events: readonly AuditEvent[],
): string[] {
  const rows = reader.all<{ organization: string; digest: string; repository: string }>(
    'SELECT i.organization_id AS organization, i.digest, i.repository FROM signing_requests r JOIN signing_request_images i ON i.place >= r.seq << 20 AND i.place < (r.seq + 1) << 20 WHERE r.id = ?',
    request.id,
  )
  const found = new Set(rows.map((row) => `${row.organization} ${row.digest} ${row.repository}`))
  const keysOf = (images: readonly SigningRequestImage[]): readonly string[] =>
    images.map(({ digest, repository }) => `${request.organizationId} ${digest} ${repository}`)
  const known = new Set(
    examinationsOf(events).flatMap(({ images }) => keysOf((images ?? []) as SigningRequestImage[])),
  )
  const isWhole = keysOf(request.body.images).every((key) => found.has(key))
  return isWhole && [...found].every((key) => known.has(key))
    ? []
    : ['it is not found by its images, or by others: the index differs from the audit log']
}

function loggedOf(submitted: AuditEvent, events: readonly AuditEvent[]): Data {
  const { data } = submitted
  const examinations = examinationsOf(events)
  const uploaded = events.find(({ type }) => type === 'SigningRequest.ArtifactUploaded')
  const signed = events.find(({ type }) => type === 'SigningRequest.Signed')
  const submittedTo = data['artifactConfiguration']
  const examinedUnder =
    uploaded === undefined ? submittedTo : uploaded.data['artifactConfiguration']
  return {
    organization: submitted.organizationId,
    submitter: submitted.actorId,
    'time of submission': submitted.at,
    kind: data['kind'],
    'file name': data['fileName'],
    description: data['description'],
    parameters: data['parameters'] ?? {},
    origin: data['origin'],
    'original signing request': data['originalSigningRequestId'],
    'signing policy': idOf(data['signingPolicy']),
    'artifact configuration': idOf(submittedTo),
    // Uploads of before this was logged do not say.
    ...(examinedUnder === undefined
      ? {}
      : { 'artifact configuration version': versionOf(examinedUnder) }),
    'signing policy version':
      examinations.at(-1)?.['signingPolicyVersion'] ?? versionOf(data['signingPolicy']),
    images: examinations.findLast(({ images }) => images !== undefined)?.['images'] ?? [],
    ...(signed === undefined ? {} : { certificate: idOf(signed.data['certificate']) }),
  }
}

function storedOf(request: SigningRequest): Data {
  const { body } = request
  return {
    organization: request.organizationId,
    submitter: request.submitterId,
    'time of submission': request.submittedAt,
    kind: request.kind,
    'file name': body.fileName,
    description: body.description,
    parameters: body.parameters,
    origin: body.origin,
    'original signing request': body.originalSigningRequestId,
    'signing policy': request.signingPolicyId,
    'artifact configuration': body.artifactConfigurationId,
    'artifact configuration version': body.artifactConfigurationVersion,
    'signing policy version': body.signingPolicyVersion,
    images: body.images,
    certificate: body.certificateId,
  }
}

function examinationsOf(events: readonly AuditEvent[]): readonly Data[] {
  return events.flatMap(({ type, data }) => {
    if (type === 'SigningRequest.Examined') return [data]
    if (type !== 'SigningRequest.Submitted') return []
    const examination = data['examination'] as Data | undefined
    return examination === undefined ? [] : [examination]
  })
}

function idOf(object: unknown): unknown {
  return (object as { readonly id?: unknown } | undefined)?.id
}

function versionOf(object: unknown): unknown {
  return (object as { readonly version?: unknown } | undefined)?.version
}
