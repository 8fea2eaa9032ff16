import type {
  SigningRequestImage,
  SigningRequestView,
  Status,
} from '../../wire/signing-requests.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { ServerFlags } from '../flags.ts'
import { writeUserFile } from '../local-files.ts'
import { formatFields, formatTable, printable } from '../text-table.ts'

/** The flags of `chancery requests list`. */
export interface ListRequestsFlags extends ServerFlags {
  readonly project?: string
  readonly signingPolicy?: string
  readonly status?: Status
  readonly digest?: string
  readonly repository?: string
  readonly from?: string
  readonly to?: string
  readonly before?: string
  readonly limit?: number
}

/** The flags of `chancery requests download`. */
export interface DownloadFlags extends ServerFlags {
  readonly output?: string
  readonly outputSignature?: string
  readonly unsigned?: boolean
}

/** `chancery requests list` */
export async function listRequests(this: CliContext, flags: ListRequestsFlags): Promise<void> {
  const client = await connect(this, flags)
  const page = await client.listSigningRequests({
    ...defined('projectSlug', flags.project),
    ...defined('signingPolicySlug', flags.signingPolicy),
    ...defined('status', flags.status),
    ...defined('digest', flags.digest),
    ...defined('repository', flags.repository),
    ...defined('from', flags.from),
    ...defined('to', flags.to),
    ...defined('before', flags.before),
    ...defined('limit', flags.limit),
  })
  this.output.result(flags.json, page, () => describePage(page.signingRequests))
  if (page.next !== null && flags.json !== true) {
    this.output.progress(`there are more: --before ${printable(page.next)}`)
  }
}

/** `chancery requests show` */
export async function showRequest(this: CliContext, flags: ServerFlags, id: string): Promise<void> {
  const client = await connect(this, flags)
  const request = await client.getSigningRequest(id)
  this.output.result(flags.json, request, () => describeRequest(request))
}

/** `chancery requests approve` */
export async function approveRequest(
  this: CliContext,
  flags: ServerFlags & { readonly reason?: string },
  id: string,
): Promise<void> {
  const client = await connect(this, flags)
  const status = await client.approve(id, flags.reason)
  this.output.result(flags.json, status, () => `Approved; the request is now ${status.status}.`)
}

/** `chancery requests deny` */
export async function denyRequest(
  this: CliContext,
  flags: ServerFlags & { readonly reason?: string },
  id: string,
): Promise<void> {
  const client = await connect(this, flags)
  const status = await client.deny(id, flags.reason)
  this.output.result(flags.json, status, () => `The request is now ${status.status}.`)
}

/** `chancery requests cancel` */
export async function cancelRequest(
  this: CliContext,
  flags: ServerFlags,
  id: string,
): Promise<void> {
  const client = await connect(this, flags)
  const status = await client.cancel(id)
  this.output.result(flags.json, status, () => `The request is now ${status.status}.`)
}

/** `chancery requests download` */
export async function downloadRequest(
  this: CliContext,
  flags: DownloadFlags,
  id: string,
): Promise<void> {
  const client = await connect(this, flags)
  const request = await client.getSigningRequest(id)
  if (flags.unsigned === true) {
    const { bytes } = await client.downloadUnsignedArtifact(id)
    const path = flags.output ?? `${id}.unsigned`
    await writeUserFile(path, bytes)
    this.output.progress(`wrote the submitted artifact to ${path}`)
  } else {
    const { saveResults } = await import('./submit.ts')
    const isNoneNamed = flags.output === undefined && flags.outputSignature === undefined
    await saveResults(this, client, request, isNoneNamed ? { output: `${id}.zip` } : flags)
  }
  this.output.result(flags.json, request, () => describeRequest(request))
}

/** A signing request for people. */
export function describeRequest(request: SigningRequestView): string {
  const { images, signatures, approvals } = request
  const sections = [
    formatFields([
      ['Signing request', request.id],
      ['Status', request.status],
      ['Reason', request.statusReason],
      ['Project', request.projectSlug],
      ['Signing policy', `${request.signingPolicySlug} (version ${request.signingPolicyVersion})`],
      ['Certificate', request.certificateSlug],
      ['Artifact configuration', request.artifactConfigurationSlug],
      ['File', request.fileName],
      ['Description', request.description === '' ? null : request.description],
      ['Submitted', `${request.submittedAt} by ${request.submitterName}`],
      ['Completed', request.completedAt],
      ['Approvals', approvalsOf(request)],
      ['Link', request.webLink],
    ]),
  ]
  if (images.length > 0) {
    sections.push(formatTable(['FILE', 'IMAGE', 'DIGEST', 'STATEMENT'], images.map(describeImage)))
  }
  if (signatures.length > 0) {
    const rows = signatures.map((signature) => [signature.path, signature.outputPath])
    sections.push(formatTable(['SIGNED FILE', 'SIGNATURE'], rows))
  }
  if (approvals.length > 0) {
    const rows = approvals.map(({ decision, userName, at, reason }) => [
      decision,
      userName,
      at,
      reason ?? '',
    ])
    sections.push(formatTable(['DECISION', 'BY', 'AT', 'REASON'], rows))
  }
  return sections.join('\n')
}

function describeImage(image: SigningRequestImage): readonly string[] {
  const { path, dockerReference, digest, predicateType, statementPath } = image
  const other = statementPath === undefined || statementPath === path ? '' : `${statementPath}: `
  const statement = predicateType === undefined ? '' : `${other}${predicateType}`
  return [path, dockerReference, digest, statement]
}

function describePage(signingRequests: readonly SigningRequestView[]): string {
  if (signingRequests.length === 0) return 'No signing requests.'
  return formatTable(
    ['ID', 'SUBMITTED', 'STATUS', 'PROJECT', 'POLICY', 'BY', 'IMAGE'],
    signingRequests.map((request) => [
      request.id,
      request.submittedAt.slice(0, 19),
      request.status,
      request.projectSlug,
      request.signingPolicySlug,
      request.submitterName,
      imageOf(request),
    ]),
  )
}

function imageOf({ images, fileName }: SigningRequestView): string {
  const [first] = images
  if (first === undefined) return fileName ?? ''
  const count = new Set(images.map(({ repository, digest }) => `${repository}@${digest}`)).size
  return count === 1 ? first.dockerReference : `${first.dockerReference} +${count - 1}`
}

function approvalsOf({ approvals, requiredApprovals }: SigningRequestView): string | null {
  if (requiredApprovals === 0) return null
  const given = approvals.filter(({ decision }) => decision === 'approved').length
  return `${given} of ${requiredApprovals}`
}

function defined<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): Partial<Record<Name, Value>> {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, Value>>
}
