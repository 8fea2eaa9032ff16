import { buildCommand, buildRouteMap } from '@stricli/core'
import { argument, explain, SERVER_FLAGS } from '../flags.ts'

const show = buildCommand({
  loader: async () => (await import('../commands/organizations.ts')).showOrganization,
  parameters: { flags: SERVER_FLAGS },
  docs: explain(
    'Show the organization',
    'Shows the organization of the token.',
    'chancery organizations show',
  ),
})

const create = buildCommand({
  loader: async () => (await import('../commands/organizations.ts')).createOrganization,
  parameters: {
    flags: SERVER_FLAGS,
    positional: { kind: 'tuple', parameters: [argument('Name', 'NAME')] },
  },
  docs: explain(
    'Create another organization on this server',
    'For Global Administrators of the first organization. Prints the id and one API token, once.',
    'chancery organizations create "Example Ltd"',
  ),
})

const organizations = buildRouteMap({
  routes: { show, create },
  docs: explain(
    'Organizations',
    'The tenants of a server; they see nothing of one another.',
    'chancery organizations show',
  ),
})

/** Tenants. */
export const organizationRoutes = { organizations }
