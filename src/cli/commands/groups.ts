import type { Role } from '../../policy/principal.ts'
import type { UserView } from '../../wire/administration.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { getGroup, getUser } from '../find-object.ts'
import type { ServerFlags } from '../flags.ts'
import { formatFields, formatTable } from '../text-table.ts'

/** `chancery groups list` */
export async function listGroups(this: CliContext, flags: ServerFlags): Promise<void> {
  const client = await connect(this, flags)
  const groups = await client.administration.listGroups()
  this.output.result(flags.json, { groups }, () =>
    formatTable(
      ['NAME', 'MEMBERS', 'ROLES', 'ACTIVE', 'ID'],
      groups.map((group) => [
        group.name,
        String(group.members.length),
        group.roles.join(','),
        group.isActive ? 'yes' : 'no',
        group.id,
      ]),
    ),
  )
}

/** `chancery groups show` */
export async function showGroup(this: CliContext, flags: ServerFlags, name: string): Promise<void> {
  const client = await connect(this, flags)
  const group = await getGroup(client, name)
  const users: readonly UserView[] =
    flags.json === true ? [] : await client.administration.listUsers()
  const names = new Map(users.map((user) => [user.id, user.name]))
  this.output.result(flags.json, group, () =>
    formatFields([
      ['Group', group.name],
      ['Id', group.id],
      ['Roles', group.roles.join(', ')],
      ['Active', group.isActive ? 'yes' : 'no'],
      ['Members', group.members.map((id) => names.get(id) ?? id).join(', ')],
    ]),
  )
}

/** `chancery groups create` */
export async function createGroup(
  this: CliContext,
  flags: ServerFlags & { readonly role?: readonly Role[]; readonly member?: readonly string[] },
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const members: string[] = []
  for (const member of flags.member ?? []) members.push((await getUser(client, member)).id)
  const { id } = await client.administration.createGroup({
    name,
    roles: [...(flags.role ?? [])],
    members,
  })
  this.output.result(flags.json, { id }, () => `Created group ${name} (${id}).`)
}

/** `chancery groups add` */
export async function addMembers(
  this: CliContext,
  flags: ServerFlags,
  name: string,
  ...userNames: readonly string[]
): Promise<void> {
  await modifyMembers(this, flags, 'add', name, userNames)
}

/** `chancery groups remove` */
export async function removeMembers(
  this: CliContext,
  flags: ServerFlags,
  name: string,
  ...userNames: readonly string[]
): Promise<void> {
  await modifyMembers(this, flags, 'remove', name, userNames)
}

/** `chancery groups activate` */
export async function activateGroup(
  this: CliContext,
  flags: ServerFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const group = await getGroup(client, name)
  await client.administration.setGroupActive(group.id, true)
  this.output.result(flags.json, { id: group.id, isActive: true }, () => `${group.name} is active.`)
}

/** `chancery groups deactivate` */
export async function deactivateGroup(
  this: CliContext,
  flags: ServerFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const group = await getGroup(client, name)
  await client.administration.setGroupActive(group.id, false)
  const document = { id: group.id, isActive: false }
  this.output.result(flags.json, document, () => `${group.name} gives no rights any more.`)
}

async function modifyMembers(
  context: CliContext,
  flags: ServerFlags,
  change: 'add' | 'remove',
  name: string,
  userNames: readonly string[],
): Promise<void> {
  const client = await connect(context, flags)
  const group = await getGroup(client, name)
  const ids: string[] = []
  for (const userName of userNames) ids.push((await getUser(client, userName)).id)
  await client.administration.modifyMembers(group.id, { [change]: ids })
  const document = { id: group.id, [change]: ids }
  context.output.result(flags.json, document, () => `Changed group ${group.name}.`)
}
