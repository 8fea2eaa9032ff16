import { buildCommand, buildRouteMap } from '@stricli/core'
import { explain, SERVER_FLAGS, text, toggle, wholeNumber } from '../flags.ts'

const { json, ...CONNECTION_FLAGS } = SERVER_FLAGS
const FILTER_FLAGS = {
  ...CONNECTION_FLAGS,
  type: text('Type, or a prefix that ends in *', 'TYPE'),
  actor: text('Id of the user who did it', 'ID'),
  object: text('Id of what it was done to', 'ID'),
  digest: text('Of signing requests that name this image', 'sha256:HEX'),
  repository: text('Of signing requests that name an image of this repository', 'REPOSITORY'),
  from: text('At or after, as 2026-11-01T00:00:00Z', 'INSTANT'),
  to: text('At or before', 'INSTANT'),
  after: wholeNumber('Numbers above this one', 0),
} as const

const list = buildCommand({
  loader: async () => (await import('../commands/audit.ts')).listEvents,
  parameters: {
    flags: {
      json,
      ...FILTER_FLAGS,
      before: wholeNumber('Numbers below this one', 1),
      limit: wholeNumber('At most this many; 100 where absent', 1),
      oldestFirst: toggle('Oldest first'),
    },
  },
  docs: explain(
    'List audit events, newest first',
    'Lists who asked, allowed, refused, signed or changed what, and when.',
    'chancery audit list --type "SigningRequest.*"',
    'chancery audit list --from 2026-11-01T00:00:00Z --json',
    'chancery audit list --repository registry.example.com/team/app',
  ),
})

const exportRoute = buildCommand({
  loader: async () => (await import('../commands/audit.ts')).exportEvents,
  parameters: {
    flags: {
      ...FILTER_FLAGS,
      format: {
        kind: 'enum',
        values: ['jsonl', 'csv'],
        default: 'jsonl',
        brief: 'JSON lines or CSV',
      },
      output: text('Write to a file instead of stdout', 'FILE'),
    },
    aliases: { o: 'output' },
  },
  docs: explain(
    'Export the audit log, oldest first',
    'An export as JSON lines without a filter can be verified offline.',
    'chancery audit export --output audit.jsonl',
    'chancery audit export --format csv > audit.csv',
  ),
})

const verify = buildCommand({
  loader: async () => (await import('../commands/audit.ts')).verifyEvents,
  parameters: {
    flags: { ...SERVER_FLAGS, file: text('Verify an export here, without a server', 'FILE') },
  },
  docs: explain(
    'Verify that no audit event was edited, deleted or moved',
    'Computes the hash chain anew, on the server or from an export. Exit code 1 where it does not hold.',
    'chancery audit verify',
    'chancery audit verify --file audit.jsonl',
  ),
})

const audit = buildRouteMap({
  routes: { list, export: exportRoute, verify },
  docs: explain('The audit log', 'What happened, as it was recorded.', 'chancery audit list'),
})

/** The audit log. */
export const auditRoutes = { audit }
