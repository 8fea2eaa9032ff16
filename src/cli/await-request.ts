import type { ChanceryClient } from '../client/chancery-client.ts'
import { pause } from '../client/transport.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { SigningRequestView } from '../wire/signing-requests.ts'
import type { CliContext } from './context.ts'
import type { Deadline } from './deadline.ts'
import { printable } from './text-table.ts'

const FIRST_POLL_MS = 150
const LONGEST_POLL_MS = 5000

/** How long to wait, and what to do if that is not long enough. */
export interface WaitOptions {
  readonly deadline: Deadline
  /** How the caller's own command goes on, before what can be done with every request. */
  readonly hints?: readonly string[]
}

/**
 * Waits for a signing request to have a final status: asks first often and then every few seconds. Says on stderr what
 * is waited for, and, if the user interrupts it, how it goes on: the request stays as it is.
 *
 * @throws ChanceryError ERR_CLI_WAIT if it is not final in time.
 */
export async function awaitRequest(
  context: CliContext,
  client: ChanceryClient,
  id: string,
  { deadline, hints = [] }: WaitOptions,
): Promise<SigningRequestView> {
  const listener = onInterrupt(() => {
    context.output.progress(`interrupted; signing request ${id} stays as it is`)
    for (const hint of [...hints, ...howToGoOn(id)]) context.output.progress(`hint: ${hint}`)
  })
  try {
    return await poll(context, client, id, { deadline, hints })
  } finally {
    process.off('SIGINT', listener)
  }
}

async function poll(
  context: CliContext,
  client: ChanceryClient,
  id: string,
  { deadline, hints = [] }: WaitOptions,
): Promise<SigningRequestView> {
  let status = 'no answer'
  let hasSaidApproval = false
  for (let delayMs = FIRST_POLL_MS; ; delayMs = Math.min(delayMs * 1.5, LONGEST_POLL_MS)) {
    try {
      const answer = await client.getSigningRequestStatus(id)
      if (answer.isFinalStatus) return await client.getSigningRequest(id)
      status = answer.status
      if (status === 'WaitingForApproval' && !hasSaidApproval) {
        hasSaidApproval = true
        await sayApproval(context, client, id)
      }
    } catch (error) {
      // A call that the deadline broke off is the end of the wait, and is told as that.
      if (deadline.leftMs > 0) throw error
    }
    const { leftMs } = deadline
    if (leftMs <= 0) {
      throw new ChanceryError(
        'ERR_CLI_WAIT',
        `expected signing request ${id} to end, found ${status}`,
        { hints: [...hints, ...howToGoOn(id)] },
      )
    }
    await pause(Math.min(delayMs, leftMs))
  }
}

/** @throws ChanceryError ERR_CLI_NOT_SIGNED if a request ended without a signature. */
export function requireSigned(request: SigningRequestView): void {
  const { status, statusReason, statusHints } = request
  if (status !== 'Denied' && status !== 'Failed' && status !== 'Canceled') return
  const reason = statusReason === null ? '' : `: ${printable(statusReason)}`
  const ended = status === 'Failed' ? 'failed' : `was ${status.toLowerCase()}`
  throw new ChanceryError('ERR_CLI_NOT_SIGNED', `signing request ${request.id} ${ended}${reason}`, {
    hints: statusHints.map(printable),
  })
}

function howToGoOn(id: string): readonly string[] {
  return [
    `It goes on without us: \`chancery requests show ${id}\` says how it stands.`,
    `\`chancery requests download ${id} --output signed.zip\` fetches the result.`,
  ]
}

async function sayApproval(context: CliContext, client: ChanceryClient, id: string): Promise<void> {
  const request = await client.getSigningRequest(id)
  const { webLink, requiredApprovals, approvals } = request
  const given = `${approvals.length} of ${requiredApprovals}`
  context.output.progress(`waiting for approval (${given}): ${printable(webLink)}`)
  const approvers = await namesOfApprovers(client, request)
  if (approvers.length > 0) context.output.progress(`approvers: ${approvers.join(', ')}`)
  context.output.progress(`an approver may say: chancery requests approve ${id}`)
}

/** Who may approve; nobody where the policy, the users or the groups are not for the caller to see. */
async function namesOfApprovers(
  client: ChanceryClient,
  { projectSlug, signingPolicySlug }: SigningRequestView,
): Promise<readonly string[]> {
  try {
    const { approvers } = await client.administration.getSigningPolicy(
      projectSlug,
      signingPolicySlug,
    )
    const users = approvers.users.length === 0 ? [] : await client.administration.listUsers()
    const groups = approvers.groups.length === 0 ? [] : await client.administration.listGroups()
    return [
      ...users.filter(({ id }) => approvers.users.includes(id)).map(({ name }) => name),
      ...groups.filter(({ id }) => approvers.groups.includes(id)).map(({ name }) => name),
    ].map(printable)
  } catch (thrown) {
    if (thrown instanceof ChanceryError) return []
    throw thrown
  }
}

/** Says something when the user interrupts the program, which then ends as it would have. */
function onInterrupt(say: () => void): () => void {
  const listener = (): void => {
    process.off('SIGINT', listener)
    say()
    process.kill(process.pid, 'SIGINT')
  }
  process.on('SIGINT', listener)
  return listener
}
