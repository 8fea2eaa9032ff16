import { completeInBackground } from './complete-request.ts'
import { cancelOverdue } from './decide-request.ts'
import { requestEvent } from './request-events.ts'
import { updateRequest } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'

const DAY_MS = 86_400_000

/** How long an idempotency key is remembered. */
const IDEMPOTENCY_DAYS = 7

/** How many requests are read at once to lose their artifacts. */
const SWEEP = 500

/** How many requests are gone on with at the same time, so that they share commits. */
const AT_ONCE = 16

/** Goes on with every request that is in progress: after a start, and whenever a dependency was away. */
export async function resumeRequests(context: SigningContext): Promise<number> {
  const open = context.requests.listInProgress()
  const rest = open.values()
  const work = async (): Promise<void> => {
    for (const id of rest) await completeInBackground(context, id)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return open.length
}

/** Cancels the requests whose cancellation timeout is over. */
export async function cancelOverdueRequests(context: SigningContext): Promise<void> {
  const now = context.now()
  for (const id of context.requests.listOverdue(now)) await cancelOverdue(context, id)
}

/** Deletes the artifacts whose retention time is over. The requests, their signatures and the audit log stay. */
export async function deleteExpiredArtifacts(context: SigningContext): Promise<number> {
  let deleted = 0
  for (const organization of context.catalog.listOrganizations()) {
    if (organization.artifactRetentionDays === 0) continue
    const before = context.now() - organization.artifactRetentionDays * DAY_MS
    for (;;) {
      const expired = context.requests.listExpired(organization.id, before, SWEEP)
      for (const request of expired) await deleteArtifacts(context, request)
      deleted += expired.length
      if (expired.length < SWEEP) break
    }
  }
  return deleted
}

/** Forgets idempotency keys that no client repeats any more. */
export async function forgetIdempotencyKeys(context: SigningContext): Promise<void> {
  await context.ledger.note([
    {
      sql: 'DELETE FROM idempotency_keys WHERE at < ?',
      parameters: [context.now() - IDEMPOTENCY_DAYS * DAY_MS],
    },
  ])
}

async function deleteArtifacts(context: SigningContext, request: SigningRequest): Promise<void> {
  const at = context.now()
  const next = {
    ...request,
    version: request.version + 1,
    body: { ...request.body, artifactsDeletedAt: at },
  }
  await context.ledger.commit({
    statements: [context.artifacts.unstage(request.id), ...updateRequest(next)],
    events: [
      requestEvent('ArtifactsDeleted', at, request, null, {
        sha256: request.body.unsignedArtifactSha256,
      }),
    ],
  })
  await context.artifacts.removeFiles(request.id)
}
