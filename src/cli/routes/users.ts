import { buildCommand, buildRouteMap } from '@stricli/core'
import { ROLES } from '../../policy/principal.ts'
import {
  argument,
  explain,
  parseDuration,
  SERVER_FLAGS,
  text,
  texts,
  toggle,
  valued,
} from '../flags.ts'

const USER = {
  kind: 'tuple',
  parameters: [argument('Name or id; `me` is the user of the token', 'USER')],
} as const
const GROUP = { kind: 'tuple', parameters: [argument('Name or id', 'GROUP')] } as const
const ROLE = {
  kind: 'enum',
  values: ROLES,
  variadic: true,
  optional: true,
  brief: 'Global role; may be given several times',
} as const
const TYPES = ['interactive', 'ci'] as const

const list = buildCommand({
  loader: async () => (await import('../commands/users.ts')).listUsers,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      type: { kind: 'enum', values: TYPES, optional: true, brief: 'Only people, or only machines' },
    },
  },
  docs: explain('List the users', 'Lists people and machines.', 'chancery users list --type ci'),
})

const show = buildCommand({
  loader: async () => (await import('../commands/users.ts')).showUser,
  parameters: { flags: SERVER_FLAGS, positional: USER },
  docs: explain('Show a user', 'Shows a user and its roles.', 'chancery users show ci'),
})

const create = buildCommand({
  loader: async () => (await import('../commands/users.ts')).createUser,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      type: { kind: 'enum', values: TYPES, brief: 'A person or a machine' },
      email: text('E-mail address', 'ADDRESS'),
      role: ROLE,
      withToken: toggle('Make an API token as well, shown this once'),
    },
    positional: { kind: 'tuple', parameters: [argument('Name', 'NAME')] },
  },
  docs: explain(
    'Create a user',
    'Creates a person or a machine, without a token unless asked.',
    'chancery users create ci --type ci --with-token',
    'chancery users create ada --type interactive --email ada@example.com --role ProjectAdministrator',
  ),
})

const edit = buildCommand({
  loader: async () => (await import('../commands/users.ts')).editUser,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      name: text('New name'),
      email: text('E-mail address', 'ADDRESS'),
      role: ROLE,
    },
    positional: USER,
  },
  docs: explain(
    'Change a user',
    'Changes what is given; --role replaces all roles. Nobody can raise their own rights.',
    'chancery users edit ada --role ProjectAdministrator --role CertificateAdministrator',
  ),
})

const token = buildCommand({
  loader: async () => (await import('../commands/users.ts')).createToken,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      description: text('What the token is for'),
      validFor: {
        kind: 'parsed',
        parse: parseDuration,
        optional: true,
        brief: valued('DURATION', 'How long it is valid, at most 720h; until revoked where absent'),
        placeholder: 'DURATION',
      },
      raw: toggle('Print the token alone'),
    },
    positional: USER,
  },
  docs: explain(
    'Make an API token for a user',
    'Makes one more token and prints it, this once. Earlier tokens stay valid.',
    'chancery users token ci --description "build server" --valid-for 720h',
    'export CHANCERY_TOKEN="$(chancery users token ci --raw)"',
  ),
})

const tokens = buildCommand({
  loader: async () => (await import('../commands/users.ts')).listTokens,
  parameters: { flags: SERVER_FLAGS, positional: USER },
  docs: explain(
    'List the API tokens of a user',
    'Lists when tokens were made and last used; the tokens themselves are not kept.',
    'chancery users tokens ci',
  ),
})

const revokeToken = buildCommand({
  loader: async () => (await import('../commands/users.ts')).revokeToken,
  parameters: {
    flags: SERVER_FLAGS,
    positional: {
      kind: 'tuple',
      parameters: [argument('Name or id', 'USER'), argument('Id of the token', 'TOKEN-ID')],
    },
  },
  docs: explain(
    'Revoke an API token',
    'The token stops working at once.',
    'chancery users revoke-token ci 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
  ),
})

const activate = buildCommand({
  loader: async () => (await import('../commands/users.ts')).activateUser,
  parameters: { flags: SERVER_FLAGS, positional: USER },
  docs: explain('Let a user in again', 'Ends a lockout.', 'chancery users activate ada'),
})

const deactivate = buildCommand({
  loader: async () => (await import('../commands/users.ts')).deactivateUser,
  parameters: { flags: SERVER_FLAGS, positional: USER },
  docs: explain(
    'Lock a user out',
    'The user and its tokens stop working at once; what the audit log says of it stays.',
    'chancery users deactivate ada',
  ),
})

const users = buildRouteMap({
  routes: { list, show, create, edit, token, tokens, revokeToken, activate, deactivate },
  docs: explain(
    'People, machines and their API tokens',
    'Users and their API tokens.',
    'chancery users list',
  ),
})

const listGroups = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).listGroups,
  parameters: { flags: SERVER_FLAGS },
  docs: explain('List the groups', 'Lists the groups.', 'chancery groups list'),
})

const showGroup = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).showGroup,
  parameters: { flags: SERVER_FLAGS, positional: GROUP },
  docs: explain('Show a group', 'Shows a group and its members.', 'chancery groups show releasers'),
})

const createGroup = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).createGroup,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      role: ROLE,
      member: texts('User; may be given several times', 'USER'),
    },
    positional: { kind: 'tuple', parameters: [argument('Name', 'NAME')] },
  },
  docs: explain(
    'Create a group',
    'Creates a group, whose members hold its rights.',
    'chancery groups create releasers --member ada --member grace',
  ),
})

const GROUP_AND_USERS = {
  kind: 'array',
  parameter: argument('Group, then its users', 'GROUP USER'),
  minimum: 2,
} as const

const addMembers = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).addMembers,
  parameters: { flags: SERVER_FLAGS, positional: GROUP_AND_USERS },
  docs: explain(
    'Add users to a group',
    'The first argument is the group, the others are users.',
    'chancery groups add releasers ada grace',
  ),
})

const removeMembers = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).removeMembers,
  parameters: { flags: SERVER_FLAGS, positional: GROUP_AND_USERS },
  docs: explain(
    'Remove users from a group',
    'The first argument is the group, the others are users.',
    'chancery groups remove releasers ada',
  ),
})

const activateGroup = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).activateGroup,
  parameters: { flags: SERVER_FLAGS, positional: GROUP },
  docs: explain(
    'Activate a group again',
    'Its members hold its rights again.',
    'chancery groups activate releasers',
  ),
})

const deactivateGroup = buildCommand({
  loader: async () => (await import('../commands/groups.ts')).deactivateGroup,
  parameters: { flags: SERVER_FLAGS, positional: GROUP },
  docs: explain(
    'Deactivate a group',
    'Its members lose the rights they have by it.',
    'chancery groups deactivate releasers',
  ),
})

const groups = buildRouteMap({
  routes: {
    list: listGroups,
    show: showGroup,
    create: createGroup,
    add: addMembers,
    remove: removeMembers,
    activate: activateGroup,
    deactivate: deactivateGroup,
  },
  docs: explain('Groups of users', 'Users that hold rights together.', 'chancery groups list'),
})

/** Who may call. */
export const userRoutes = { users, groups }
