import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { ServerFlags } from '../flags.ts'
import { formatFields } from '../text-table.ts'

/** `chancery organizations show` */
export async function showOrganization(this: CliContext, flags: ServerFlags): Promise<void> {
  const client = await connect(this, flags)
  const organization = await client.administration.getOrganization()
  const { artifactRetentionDays: days } = organization
  this.output.result(flags.json, organization, () =>
    formatFields([
      ['Organization', organization.name],
      ['Id', organization.id],
      ['Artifacts are kept', days === 0 ? 'for good' : `${days} days`],
    ]),
  )
}

/** `chancery organizations create` */
export async function createOrganization(
  this: CliContext,
  flags: ServerFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const created = await client.administration.createOrganization({ name })
  this.output.result(flags.json, created, () =>
    formatFields([
      ['Organization', created.organizationId],
      ['Administrator', created.administratorId],
      ['API token', `${created.apiToken} (shown this once)`],
    ]),
  )
}
