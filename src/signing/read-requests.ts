import { ChanceryError } from '../errors/chancery-error.ts'
import { parseDigest } from '../format/oci-digest.ts'
import { normaliseRepository } from '../format/oci-reference.ts'
import type { Caller } from '../policy/caller.ts'
import { mayApprove, mayReadOrganization, mayReadProject, maySubmit } from '../policy/permission.ts'
import type { SigningRequestApproval, SigningRequestQuery } from '../wire/signing-requests.ts'
import { withRights } from './find-request.ts'
import type { RequestFilter } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'
import { isFinalStatus, type SigningRequest } from './signing-request.ts'
import type { Origin, RequestPage, SigningRequestRecord } from './signing-service.ts'

const DEFAULT_LIMIT = 100

/**
 * A page of what the caller may read, newest first: as many requests as the query asks for, or fewer where these are large.
 *
 * @throws ChanceryError ERR_SIGNING_UNKNOWN, ERR_SIGNING_INPUT.
 */
export async function listRequests(
  context: SigningContext,
  caller: Caller,
  query: SigningRequestQuery,
): Promise<RequestPage> {
  const limit = query.limit ?? DEFAULT_LIMIT
  const { rows, isMore } = await context.requests.list({
    ...filterOf(context, caller, query),
    limit,
  })
  return {
    signingRequests: rows.map(({ request }) => recordOf(context, request)),
    next: isMore ? String(rows.at(-1)?.seq) : null,
  }
}

/** A request as the API shows it, with the names that its objects have now. */
export function recordOf(context: SigningContext, request: SigningRequest): SigningRequestRecord {
  const { body } = request
  const { project, policy } = withRights(context, request)
  const configuration = context.catalog.find('artifact-configuration', body.artifactConfigurationId)
  const certificate = context.catalog.find('certificate', body.certificateId)
  if (configuration === undefined || certificate === undefined) {
    throw new Error(`the request ${request.id} has no artifact configuration or no certificate`)
  }
  return {
    status: request.status,
    isFinalStatus: isFinalStatus(request.status),
    workflowStatus: request.workflowStatus,
    description: body.description,
    projectId: project.id,
    projectSlug: project.slug,
    projectName: project.name,
    artifactConfigurationId: configuration.id,
    artifactConfigurationSlug: configuration.slug,
    artifactConfigurationName: configuration.name,
    signingPolicyId: policy.id,
    signingPolicySlug: policy.slug,
    signingPolicyName: policy.name,
    parameters: { ...body.parameters },
    id: request.id,
    kind: request.kind,
    statusReason: body.statusReason,
    statusHints: [...body.statusHints],
    submitterId: request.submitterId,
    submitterName: nameOf(context, request.submitterId),
    submittedAt: new Date(request.submittedAt).toISOString(),
    completedAt: request.completedAt === null ? null : new Date(request.completedAt).toISOString(),
    signingPolicyVersion: body.signingPolicyVersion,
    artifactConfigurationVersion: body.artifactConfigurationVersion,
    certificateId: certificate.id,
    certificateSlug: certificate.slug,
    originalSigningRequestId: body.originalSigningRequestId,
    fileName: body.fileName,
    unsignedArtifactSha256: body.unsignedArtifactSha256,
    images: [...body.images],
    signatures: [...body.signatures],
    approvals: approvalsOf(context, request),
    requiredApprovals: policy.requiredApprovals,
    origin: originOf(request),
    hasUnsignedArtifact: hasUnsignedArtifact(request),
    areArtifactsDeleted: body.artifactsDeletedAt !== null,
  }
}

function hasUnsignedArtifact({ kind, status, body }: SigningRequest): boolean {
  if (body.artifactsDeletedAt !== null) return false
  return kind === 'hash' || (status !== 'WaitingForArtifactUpload' && status !== 'Canceled')
}

function approvalsOf(context: SigningContext, request: SigningRequest): SigningRequestApproval[] {
  if (request.workflowStatus === 'Completed' && request.version === 1) return []
  return context.requests.approvals(request.id).map((approval) => ({
    userId: approval.userId,
    userName: nameOf(context, approval.userId),
    decision: approval.decision,
    reason: approval.reason,
    at: new Date(approval.at).toISOString(),
  }))
}

function nameOf(context: SigningContext, userId: string): string {
  return context.catalog.find('user', userId)?.name ?? userId
}

function originOf({ body: { origin } }: SigningRequest): Origin | null {
  if (origin === null) return null
  const { buildUrl, repositoryUrl, branchName, commitId, sourceControlManagementType } = origin
  return {
    ...(buildUrl === null ? {} : { buildUrl }),
    ...(repositoryUrl === null ? {} : { repositoryUrl }),
    ...(branchName === null ? {} : { branchName }),
    ...(commitId === null ? {} : { commitId }),
    ...(sourceControlManagementType === null ? {} : { sourceControlManagementType }),
    ...(origin.buildSettingsFileName === null
      ? {}
      : { buildSettingsFile: { fileName: origin.buildSettingsFileName, bytes: new Uint8Array() } }),
  }
}

function filterOf(
  context: SigningContext,
  caller: Caller,
  query: SigningRequestQuery,
): Omit<RequestFilter, 'limit'> {
  const { organizationId } = caller.principal
  // Another spelling of a digest must not look like an image that nothing was signed for.
  if (query.digest !== undefined) parseDigest(query.digest, 'digest')
  const project =
    query.projectSlug === undefined
      ? undefined
      : (context.catalog.findProject(organizationId, query.projectSlug) ??
        unknown('ProjectSlug', `There is no project with slug '${query.projectSlug}'.`))
  const policy =
    query.signingPolicySlug === undefined ? undefined : findPolicy(context, project?.id, query)
  return {
    organizationId,
    ...(project === undefined ? {} : { projectId: project.id }),
    ...(policy === undefined ? {} : { signingPolicyId: policy }),
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.submitterId === undefined ? {} : { submitterId: query.submitterId }),
    ...(query.digest === undefined ? {} : { digest: query.digest }),
    ...(query.repository === undefined
      ? {}
      : { repository: normaliseRepository(query.repository) }),
    ...(query.from === undefined ? {} : { from: instant(query.from, 'from') }),
    ...(query.to === undefined ? {} : { to: instant(query.to, 'to') }),
    ...(query.before === undefined ? {} : { before: cursor(query.before) }),
    ...visibilityOf(context, caller),
  }
}

function findPolicy(
  context: SigningContext,
  projectId: string | undefined,
  query: SigningRequestQuery,
): string {
  if (projectId === undefined) {
    throw new ChanceryError('ERR_SIGNING_INPUT', 'expected projectSlug beside signingPolicySlug', {
      field: 'ProjectSlug',
    })
  }
  const slug = query.signingPolicySlug ?? ''
  const policy = context.catalog.findSigningPolicy(projectId, slug)
  return (
    policy?.id ??
    unknown('SigningPolicySlug', `There is no signing policy with slug '${slug}' in the project.`)
  )
}

/** Readers of the organization see everything; others what their projects, policies and own submissions give them. */
function visibilityOf(
  context: SigningContext,
  { principal }: Caller,
): Pick<RequestFilter, 'visible'> {
  if (mayReadOrganization(principal)) return {}
  const policyIds = context.catalog
    .list('project', principal.organizationId)
    .flatMap((project) =>
      context.catalog
        .list('signing-policy', project.id)
        .filter(
          (policy) =>
            mayReadProject(principal, project) ||
            maySubmit(principal, policy) ||
            mayApprove(principal, policy),
        ),
    )
    .map((policy) => policy.id)
  return { visible: { policyIds, submitter: principal.userId } }
}

function unknown(field: string, message: string): never {
  throw new ChanceryError('ERR_SIGNING_UNKNOWN', message, { field })
}

function instant(text: string, field: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) {
    throw new ChanceryError(
      'ERR_SIGNING_INPUT',
      'expected an instant such as 2026-11-23T10:15:00Z',
      { field },
    )
  }
  return at
}

function cursor(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text)
  throw new ChanceryError('ERR_SIGNING_INPUT', 'expected the `next` of an earlier page', {
    field: 'before',
  })
}
