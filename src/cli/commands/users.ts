import type { CreatedApiToken, UserView } from '../../wire/administration.ts'
import type { Role } from '../../policy/principal.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { getUser } from '../find-object.ts'
import type { ServerFlags } from '../flags.ts'
import { formatFields, formatTable } from '../text-table.ts'

/** The flags of `chancery users create`. */
export interface CreateUserFlags extends ServerFlags {
  readonly type: 'interactive' | 'ci'
  readonly email?: string
  readonly role?: readonly Role[]
  readonly withToken?: boolean
}

/** The flags of `chancery users token`. */
export interface TokenFlags extends ServerFlags {
  readonly description?: string
  readonly validFor?: number
  readonly raw?: boolean
}

/** `chancery users list` */
export async function listUsers(
  this: CliContext,
  flags: ServerFlags & { readonly type?: 'interactive' | 'ci' },
): Promise<void> {
  const client = await connect(this, flags)
  const users = await client.administration.listUsers(flags.type)
  this.output.result(flags.json, { users }, () =>
    formatTable(
      ['NAME', 'TYPE', 'ROLES', 'ACTIVE', 'ID'],
      users.map((user) => [
        user.name,
        user.userType,
        user.roles.join(','),
        user.isActive ? 'yes' : 'no',
        user.id,
      ]),
    ),
  )
}

/** `chancery users show` */
export async function showUser(this: CliContext, flags: ServerFlags, name: string): Promise<void> {
  const user = await getUser(await connect(this, flags), name)
  this.output.result(flags.json, user, () => describeUser(user))
}

/** `chancery users create` */
export async function createUser(
  this: CliContext,
  flags: CreateUserFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const { id } = await client.administration.createUser(flags.type, {
    name,
    ...(flags.email === undefined ? {} : { emailAddress: flags.email }),
    ...(flags.role === undefined ? {} : { roles: [...flags.role] }),
  })
  if (flags.withToken !== true) {
    this.output.result(flags.json, { id }, () => `Created user ${name} (${id}), without a token.`)
    return
  }
  const token = await client.administration.createApiToken({ id, userType: flags.type }, {})
  this.output.result(flags.json, { id, apiToken: token.apiToken }, () =>
    describeToken(token, false),
  )
}

/** `chancery users edit` */
export async function editUser(
  this: CliContext,
  flags: ServerFlags & {
    readonly name?: string
    readonly email?: string
    readonly role?: readonly Role[]
  },
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const user = await getUser(client, name)
  await client.administration.editUser(user, {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.email === undefined ? {} : { emailAddress: flags.email }),
    ...(flags.role === undefined ? {} : { roles: [...flags.role] }),
  })
  this.output.result(flags.json, { id: user.id }, () => `Changed user ${user.name}.`)
}

/** `chancery users activate` */
export async function activateUser(
  this: CliContext,
  flags: ServerFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const user = await getUser(client, name)
  await client.administration.setUserActive(user, true)
  this.output.result(flags.json, { id: user.id, isActive: true }, () => `${user.name} is active.`)
}

/** `chancery users deactivate` */
export async function deactivateUser(
  this: CliContext,
  flags: ServerFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const user = await getUser(client, name)
  await client.administration.setUserActive(user, false)
  const document = { id: user.id, isActive: false }
  this.output.result(flags.json, document, () => `${user.name} is locked out.`)
}

/** `chancery users token` */
export async function createToken(
  this: CliContext,
  flags: TokenFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const user = await getUser(client, name)
  const expiresAt =
    flags.validFor === undefined ? undefined : new Date(Date.now() + flags.validFor).toISOString()
  const token = await client.administration.createApiToken(user, {
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  })
  this.output.result(flags.json, token, () => describeToken(token, flags.raw ?? false))
}

/** `chancery users tokens` */
export async function listTokens(
  this: CliContext,
  flags: ServerFlags,
  name: string,
): Promise<void> {
  const client = await connect(this, flags)
  const apiTokens = await client.administration.listApiTokens(await getUser(client, name))
  this.output.result(flags.json, { apiTokens }, () =>
    formatTable(
      ['ID', 'DESCRIPTION', 'CREATED', 'EXPIRES', 'LAST USED', 'REVOKED'],
      apiTokens.map((token) => [
        token.id,
        token.description,
        token.createdAt.slice(0, 19),
        token.expiresAt?.slice(0, 19) ?? 'never',
        token.lastUsedAt?.slice(0, 19) ?? 'never',
        token.revokedAt?.slice(0, 19) ?? 'no',
      ]),
    ),
  )
}

/** `chancery users revoke-token` */
export async function revokeToken(
  this: CliContext,
  flags: ServerFlags,
  name: string,
  tokenId: string,
): Promise<void> {
  const client = await connect(this, flags)
  await client.administration.revokeApiToken(await getUser(client, name), tokenId)
  this.output.result(flags.json, { id: tokenId }, () => 'The token is revoked.')
}

function describeUser(user: UserView): string {
  return formatFields([
    ['User', user.name],
    ['Id', user.id],
    ['Type', user.userType],
    ['E-mail', user.emailAddress],
    ['Roles', user.roles.join(', ')],
    ['Active', user.isActive ? 'yes' : 'no'],
  ])
}

function describeToken(token: CreatedApiToken, isRaw: boolean): string {
  if (isRaw) return token.apiToken
  const fields = formatFields([
    ['API token', token.apiToken],
    ['Id', token.id],
    ['Expires', token.expiresAt ?? 'never'],
  ])
  return `${fields}The token is shown this once.`
}
