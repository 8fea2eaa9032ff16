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

/** What is refused about a request, by what is tried. */
const REFUSALS = {
  approve: 'DecisionRefused',
  deny: 'DecisionRefused',
  cancel: 'DecisionRefused',
  resubmit: 'SubmissionRefused',
  upload: 'SubmissionRefused',
} as const

/**
 * Does something about a request, and records in the audit log that a caller without the right tried.
 *
 * @throws What the action throws; after ERR_POLICY_FORBIDDEN or ERR_SIGNING_OWN_REQUEST on a request of the caller's
 *   organization the attempt is durable.
 */
export async function recordingRefusal<Value>(
  context: SigningContext,
  caller: Caller,
  id: string,
  tried: keyof typeof REFUSALS,
  act: () => Value | Promise<Value>,
): Promise<Value> {
  try {
    return await act()
  } catch (thrown) {
    if (isForbidden(thrown)) {
      const request = context.requests.find(id.toLowerCase())
      if (request?.organizationId === caller.principal.organizationId) {
        await record(context, caller, REFUSALS[tried], request, { code: thrown.code, tried })
      }
    }
    throw thrown
  }
}

const FORBIDDEN: ReadonlySet<string> = new Set(['ERR_POLICY_FORBIDDEN', 'ERR_SIGNING_OWN_REQUEST'])

function isForbidden(thrown: unknown): thrown is ChanceryError {
  return thrown instanceof ChanceryError && FORBIDDEN.has(thrown.code)
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
