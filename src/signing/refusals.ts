import { ChanceryError } from '../errors/chancery-error.ts'
import type { Caller } from '../policy/caller.ts'
import { requestEvent } from './request-events.ts'
import type { SigningContext } from './signing-context.ts'
import type { Submission } from './signing-service.ts'
import { findPolicy, findSubmissionTarget, type SubmissionTarget } from './submission-target.ts'

/**
 * As `findSubmissionTarget`, and records in the audit log that a caller without the right tried.
 *
 * @param tried The operation, as the audit log names it.
 * @throws ChanceryError as `findSubmissionTarget`; after ERR_POLICY_FORBIDDEN the attempt is durable.
 */
export function requireSubmissionTarget(
  context: SigningContext,
  caller: Caller,
  submission: Submission,
  tried: 'submit' | 'announce' | 'resubmit' | 'sign-hash',
): SubmissionTarget | Promise<never> {
  try {
    return findSubmissionTarget(context.catalog, caller.principal, submission, context.now())
  } catch (thrown) {
    if (!isForbidden(thrown)) throw thrown
    const policy = findPolicy(context.catalog, caller.principal, submission)
    const data = { code: thrown.code, tried }
    return record(context, caller, 'SubmissionRefused', policy, data).then(() => {
      throw thrown
    })
  }
}

/**
 * Runs a decision on a request, and records in the audit log that a caller without the right tried.
 *
 * @throws What the decision throws; after ERR_POLICY_FORBIDDEN on a request of the caller's organization the attempt is
 *   durable.
 */
export async function recordingRefusal<Value>(
  context: SigningContext,
  caller: Caller,
  id: string,
  tried: 'approve' | 'deny' | 'cancel',
  decide: () => Promise<Value>,
): Promise<Value> {
  try {
    return await decide()
  } catch (thrown) {
    if (isForbidden(thrown)) {
      const request = context.requests.find(id.toLowerCase())
      if (request?.organizationId === caller.principal.organizationId) {
        await record(context, caller, 'DecisionRefused', request, { code: thrown.code, tried })
      }
    }
    throw thrown
  }
}

function isForbidden(thrown: unknown): thrown is ChanceryError {
  return thrown instanceof ChanceryError && thrown.code === 'ERR_POLICY_FORBIDDEN'
}

async function record(
  context: SigningContext,
  caller: Caller,
  type: string,
  object: { readonly id: string; readonly organizationId: string },
  data: { readonly code: string; readonly tried: string },
): Promise<void> {
  const event = requestEvent(type, context.now(), object, caller, data)
  await context.ledger.commit({ statements: [], events: [event] })
}
