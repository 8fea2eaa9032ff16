import { ChanceryError } from '../errors/chancery-error.ts'
import type { Caller } from '../policy/caller.ts'
import { findReadableRequest } from './find-request.ts'
import { recordingRefusal } from './refusals.ts'
import type { SigningContext } from './signing-context.ts'
import type { Submission, Submitted } from './signing-service.ts'
import { submitRequest } from './submit-request.ts'

/**
 * Makes a new request of an old one's artifact under another signing policy of the same project. Rights and rules are
 * the new policy's; origin and parameters are the old request's.
 *
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if the caller may not read the original; the attempt is durable then.
 * @throws ChanceryError ERR_SIGNING_STATE for hashes; ERR_SIGNING_ARTIFACT_DELETED after retention.
 */
export async function resubmitRequest(
  context: SigningContext,
  caller: Caller,
  originalId: string,
  policy: { readonly signingPolicySlug?: string; readonly signingPolicyId?: string },
  description: string | undefined,
  idempotencyKey: string | undefined,
): Promise<Submitted> {
  const { request, project } = await recordingRefusal(context, caller, originalId, 'resubmit', () =>
    findReadableRequest(context, caller, originalId),
  )
  if (request.body.artifactsDeletedAt !== null) {
    throw new ChanceryError(
      'ERR_SIGNING_ARTIFACT_DELETED',
      'the artifact was deleted after its retention time',
      {
        hints: ['submit it anew'],
      },
    )
  }
  if (request.kind === 'hash') {
    throw new ChanceryError(
      'ERR_SIGNING_STATE',
      'expected a request with an artifact, found one for a hash',
    )
  }
  const artifact = await context.artifacts.load(request.id, 'unsigned')
  const buildSettingsFile = context.artifacts.has(request.id, 'build-settings')
    ? await context.artifacts.load(request.id, 'build-settings')
    : null
  const stated = description ?? request.body.description
  const submission: Submission = {
    ...policyOf(context, project, policy),
    artifactConfigurationId: request.body.artifactConfigurationId,
    parameters: request.body.parameters,
    ...(stated === null ? {} : { description: stated }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  }
  return submitRequest(
    context,
    caller,
    submission,
    { ...artifact, isEntry: request.body.isEntry },
    { id: request.id, origin: request.body.origin, buildSettingsFile },
  )
}

/** The new policy has to be one of the original's project. */
function policyOf(
  context: SigningContext,
  project: { readonly id: string; readonly slug: string },
  policy: { readonly signingPolicySlug?: string; readonly signingPolicyId?: string },
): Pick<Submission, 'projectSlug' | 'signingPolicySlug' | 'signingPolicyId'> {
  const { signingPolicyId, signingPolicySlug } = policy
  if (signingPolicyId === undefined) {
    return {
      projectSlug: project.slug,
      ...(signingPolicySlug === undefined ? {} : { signingPolicySlug }),
    }
  }
  const found = context.catalog.find('signing-policy', signingPolicyId.toLowerCase())
  if (found?.projectId === project.id) return { signingPolicyId: found.id }
  throw new ChanceryError(
    'ERR_SIGNING_UNKNOWN',
    `There is no signing policy with this id in the project with slug '${project.slug}'.`,
    { field: 'SigningPolicyId' },
  )
}
