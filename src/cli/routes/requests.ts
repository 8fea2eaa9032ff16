import { buildCommand, buildRouteMap } from '@stricli/core'
import {
  argument,
  explain,
  parseDuration,
  requiredText,
  SERVER_FLAGS,
  text,
  texts,
  toggle,
  wholeNumber,
  valued,
} from '../flags.ts'
import { parseRequestId } from '../request-id.ts'

const STATUSES = [
  'InProgress',
  'WaitingForApproval',
  'WaitingForArtifactUpload',
  'Completed',
  'Failed',
  'Denied',
  'Canceled',
] as const

const WAIT_FLAGS = {
  ...SERVER_FLAGS,
  signingPolicy: requiredText('Signing policy', 'SLUG'),
  description: text('For the people who look at the request'),
  wait: {
    kind: 'boolean',
    default: true,
    brief: 'Wait for the signature',
  },
  timeout: {
    kind: 'parsed',
    parse: parseDuration,
    default: '10m',
    brief: valued('DURATION', 'How long to wait, as 90s, 10m or 2h'),
    placeholder: 'DURATION',
  },
  output: text('Write the signed artifact to a file', 'FILE'),
  outputSignature: text('Write the only signature to a file, in base64', 'FILE'),
} as const

const ID = {
  kind: 'tuple',
  parameters: [{ brief: 'Id or link of the request', placeholder: 'ID', parse: parseRequestId }],
} as const

const submit = buildCommand({
  loader: async () => (await import('../commands/submit.ts')).submit,
  parameters: {
    flags: {
      ...WAIT_FLAGS,
      project: requiredText('Project', 'SLUG'),
      artifactConfiguration: text(
        "Artifact configuration; the project's default where absent",
        'SLUG',
      ),
      parameter: texts('User-defined parameter; may be given several times', 'NAME=VALUE'),
      asIs: toggle('Send FILE as it is, even where it is no ZIP'),
    },
    aliases: { o: 'output' },
    positional: {
      kind: 'array',
      parameter: argument('Metadata file, or ZIP of such files', 'FILE'),
      minimum: 1,
    },
  },
  docs: explain(
    'Submit files for signing and wait for the signature',
    `Sends a ZIP as it is; other files go into one ZIP. Progress is on stderr, the request on stdout.
Exit code 1 where the request was denied, failed or was canceled; 6 where it is not finished in time: it goes on
without us.`,
    'chancery submit payload.json --project demo-app --signing-policy test-signing --output signed.zip',
    'chancery submit payload.json --project demo-app --signing-policy release-signing --output-signature payload.sig',
    'chancery submit a.json b.json --project demo-app --signing-policy test-signing --no-wait --json',
  ),
})

const list = buildCommand({
  loader: async () => (await import('../commands/requests.ts')).listRequests,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      project: text('Of this project', 'SLUG'),
      signingPolicy: text('Under this signing policy', 'SLUG'),
      status: { kind: 'enum', values: STATUSES, optional: true, brief: 'With this status' },
      digest: text('That name this image', 'sha256:HEX'),
      repository: text('That name an image of this repository', 'REGISTRY/NAME'),
      from: text('Submitted at or after, as 2026-11-01T00:00:00Z', 'INSTANT'),
      to: text('Submitted before', 'INSTANT'),
      before: text('Go on after a page, with what was said at its end', 'CURSOR'),
      limit: wholeNumber('At most this many; 100 where absent', 1),
    },
  },
  docs: explain(
    'List signing requests, newest first',
    'Lists the signing requests you may see.',
    'chancery requests list --status WaitingForApproval',
    'chancery requests list --digest sha256:0a1b... --json',
  ),
})

const show = buildCommand({
  loader: async () => (await import('../commands/requests.ts')).showRequest,
  parameters: { flags: SERVER_FLAGS, positional: ID },
  docs: explain(
    'Show a signing request',
    'Shows what was asked, what it is about, who decided and what was signed.',
    'chancery requests show 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
  ),
})

const approve = buildCommand({
  loader: async () => (await import('../commands/requests.ts')).approveRequest,
  parameters: { flags: { ...SERVER_FLAGS, reason: text('Why') }, positional: ID },
  docs: explain(
    'Approve a signing request',
    'Gives your approval. With the last one that the policy asks for, the request is signed.',
    'chancery requests approve 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f --reason "release 1.0"',
  ),
})

const deny = buildCommand({
  loader: async () => (await import('../commands/requests.ts')).denyRequest,
  parameters: { flags: { ...SERVER_FLAGS, reason: text('Why') }, positional: ID },
  docs: explain(
    'Deny a signing request',
    'Ends the request without a signature.',
    'chancery requests deny 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f --reason "wrong branch"',
  ),
})

const cancel = buildCommand({
  loader: async () => (await import('../commands/requests.ts')).cancelRequest,
  parameters: { flags: SERVER_FLAGS, positional: ID },
  docs: explain(
    'Cancel a signing request of yours',
    'Ends the request without a signature.',
    'chancery requests cancel 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f',
  ),
})

const resubmit = buildCommand({
  loader: async () => (await import('../commands/submit.ts')).resubmit,
  parameters: { flags: WAIT_FLAGS, aliases: { o: 'output' }, positional: ID },
  docs: explain(
    'Submit the same artifact under another signing policy',
    'Makes a new request from the artifact of an earlier one, say to release what was tested.',
    'chancery requests resubmit 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f --signing-policy release-signing',
  ),
})

const download = buildCommand({
  loader: async () => (await import('../commands/requests.ts')).downloadRequest,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      output: text('Write the artifact to this file (ID.zip)', 'FILE'),
      outputSignature: WAIT_FLAGS.outputSignature,
      unsigned: toggle('The artifact as it was submitted'),
    },
    aliases: { o: 'output' },
    positional: ID,
  },
  docs: explain(
    'Download the artifact of a signing request',
    'Writes the signed artifact, a ZIP with the files and their signatures, or the submitted one.',
    'chancery requests download 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f --output signed.zip',
  ),
})

const requests = buildRouteMap({
  routes: { list, show, approve, deny, cancel, resubmit, download },
  docs: explain(
    'Signing requests: look, decide, fetch',
    'Looks at signing requests, decides them and fetches what they made.',
    'chancery requests list --status WaitingForApproval',
  ),
})

/** Signing requests. */
export const requestRoutes = { submit, requests }
