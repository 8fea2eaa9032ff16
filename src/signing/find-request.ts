import type { Project, SigningPolicy } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { isGuid } from '../format/guid.ts'
import type { Caller } from '../policy/caller.ts'
import {
  mayReadOrganization,
  mayReadSigningRequest,
  requirePermission,
} from '../policy/permission.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'

/** A request with what decides about rights on it. */
export interface FoundRequest {
  readonly request: SigningRequest
  readonly project: Project
  readonly policy: SigningPolicy
}

/**
 * Finds a request that the caller may read. A request of another organization is like none at all.
 *
 * @throws ChanceryError ERR_SIGNING_MISSING if there is none and the caller reads the whole organization.
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if there is none, or the caller may not read it.
 */
export function findReadableRequest(
  context: SigningContext,
  caller: Caller,
  id: string,
): FoundRequest {
  const { principal } = caller
  const wanted = id.toLowerCase()
  const request = isGuid(wanted) ? context.requests.find(wanted) : undefined
  if (request?.organizationId !== principal.organizationId) {
    requirePermission(mayReadOrganization(principal), 'reader of this signing request')
    throw new ChanceryError('ERR_SIGNING_MISSING', 'there is no signing request with this id')
  }
  const found = withRights(context, request)
  requirePermission(
    mayReadSigningRequest(principal, found.project, found.policy, request.submitterId),
    'reader of this signing request',
  )
  return found
}

/** Adds the project and the policy, as they are now. */
export function withRights(context: SigningContext, request: SigningRequest): FoundRequest {
  const project = context.catalog.find('project', request.projectId)
  const policy = context.catalog.find('signing-policy', request.signingPolicyId)
  if (project === undefined || policy === undefined) {
    throw new Error(`the request ${request.id} has no project or no policy`)
  }
  return { request, project, policy }
}
