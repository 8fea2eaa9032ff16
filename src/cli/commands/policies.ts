import type { ChanceryClient } from '../../client/chancery-client.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import type { EditSigningPolicy, SigningPolicyView } from '../../wire/administration.ts'
import type { AssigneesBody } from '../../wire/shapes.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { getGroup, getUser } from '../find-object.ts'
import type { ServerFlags } from '../flags.ts'
import { formatFields, formatTable } from '../text-table.ts'

/** The flags of `chancery policies create` and `edit`. A list that is given replaces the whole list. */
export interface PolicyFlags extends ServerFlags {
  readonly name?: string
  readonly certificate?: string
  readonly submitter?: readonly string[]
  readonly submitterGroup?: readonly string[]
  readonly approver?: readonly string[]
  readonly approverGroup?: readonly string[]
  readonly requiredApprovals?: number
  readonly allowedImage?: readonly string[]
  readonly signatureFormat?: readonly SignatureFormat[]
  readonly allowedPredicateType?: readonly string[]
  readonly allowOtherFiles?: boolean
  readonly allowHashSigning?: boolean
}

/** `chancery policies list` */
export async function listPolicies(
  this: CliContext,
  flags: ServerFlags,
  project: string,
): Promise<void> {
  const client = await connect(this, flags)
  const signingPolicies = await client.administration.listSigningPolicies(project)
  this.output.result(flags.json, { signingPolicies }, () =>
    formatTable(
      ['SLUG', 'CERTIFICATE', 'APPROVALS', 'IMAGES', 'VERSION', 'ACTIVE'],
      signingPolicies.map((policy) => [
        policy.slug,
        policy.certificateSlug,
        String(policy.requiredApprovals),
        policy.allowedImages.join(' '),
        String(policy.version),
        policy.isActive ? 'yes' : 'no',
      ]),
    ),
  )
}

/** `chancery policies show` */
export async function showPolicy(
  this: CliContext,
  flags: ServerFlags,
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const policy = await client.administration.getSigningPolicy(project, slug)
  this.output.result(flags.json, policy, () => describePolicy(policy))
}

/** `chancery policies create` */
export async function createPolicy(
  this: CliContext,
  flags: PolicyFlags & { readonly certificate: string },
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  const fields = await readFields(client, flags)
  const { id } = await client.administration.createSigningPolicy(project, {
    slug,
    name: slug,
    ...fields,
    certificateSlug: flags.certificate,
  })
  this.output.result(flags.json, { id }, () => `Created signing policy ${slug} (${id}).`)
}

/** `chancery policies edit` */
export async function editPolicy(
  this: CliContext,
  flags: PolicyFlags,
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.editSigningPolicy(project, slug, await readFields(client, flags))
  this.output.result(flags.json, { slug }, () => `Changed signing policy ${slug}.`)
}

/** `chancery policies activate` */
export async function activatePolicy(
  this: CliContext,
  flags: ServerFlags,
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setSigningPolicyActive(project, slug, true)
  this.output.result(flags.json, { slug, isActive: true }, () => `${slug} is active.`)
}

/** `chancery policies deactivate` */
export async function deactivatePolicy(
  this: CliContext,
  flags: ServerFlags,
  project: string,
  slug: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.setSigningPolicyActive(project, slug, false)
  this.output.result(flags.json, { slug, isActive: false }, () => `${slug} signs nothing any more.`)
}

async function readFields(client: ChanceryClient, flags: PolicyFlags): Promise<EditSigningPolicy> {
  const submitters = await readAssignees(client, flags.submitter, flags.submitterGroup)
  const approvers = await readAssignees(client, flags.approver, flags.approverGroup)
  const { name, certificate, requiredApprovals, allowedImage } = flags
  const { signatureFormat, allowedPredicateType, allowOtherFiles, allowHashSigning } = flags
  return {
    ...(name === undefined ? {} : { name }),
    ...(certificate === undefined ? {} : { certificateSlug: certificate }),
    ...(submitters === undefined ? {} : { submitters }),
    ...(approvers === undefined ? {} : { approvers }),
    ...(requiredApprovals === undefined ? {} : { requiredApprovals }),
    ...(allowedImage === undefined ? {} : { allowedImages: [...allowedImage] }),
    ...(signatureFormat === undefined ? {} : { signatureFormats: [...new Set(signatureFormat)] }),
    ...(allowedPredicateType === undefined
      ? {}
      : { allowedPredicateTypes: [...allowedPredicateType] }),
    ...(allowOtherFiles === undefined ? {} : { allowOtherFiles }),
    ...(allowHashSigning === undefined ? {} : { allowHashSigning }),
  }
}

async function readAssignees(
  client: ChanceryClient,
  userNames: readonly string[] | undefined,
  groupNames: readonly string[] | undefined,
): Promise<AssigneesBody | undefined> {
  if (userNames === undefined && groupNames === undefined) return undefined
  const assignees: AssigneesBody = { users: [], groups: [] }
  for (const name of userNames ?? []) assignees.users.push((await getUser(client, name)).id)
  for (const name of groupNames ?? []) assignees.groups.push((await getGroup(client, name)).id)
  return assignees
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : texts.join(' ')
}

function describePolicy(policy: SigningPolicyView): string {
  const count = ({ users, groups }: AssigneesBody): string =>
    `${users.length} users, ${groups.length} groups`
  return formatFields([
    ['Signing policy', `${policy.slug} (${policy.name})`],
    ['Id', policy.id],
    ['Project', policy.projectSlug],
    ['Version', policy.version],
    ['Active', policy.isActive ? 'yes' : 'no'],
    ['Certificate', policy.certificateSlug],
    ['Submitters', count(policy.submitters)],
    ['Approvers', count(policy.approvers)],
    ['Required approvals', policy.requiredApprovals],
    ['Allowed images', listed(policy.allowedImages)],
    ['Signature formats', listed(policy.signatureFormats)],
    ['Attestations', listed(policy.allowedPredicateTypes)],
    ['Other files', policy.allowOtherFiles ? 'allowed' : 'refused'],
    ['Hash signing', policy.allowHashSigning ? 'allowed' : 'refused'],
  ])
}
