import { buildCommand } from '@stricli/core'
import {
  explain,
  JSON_FLAG,
  requiredText,
  SERVER_FLAGS,
  text,
  texts,
  toggle,
  wholeNumber,
} from '../flags.ts'

const DATA_FLAGS = {
  dataDir: text('Data directory (CHANCERY_DATA_DIR, else ./data)', 'DIR'),
  masterKeyFile: text('File with the master key, outside the data directory', 'FILE'),
}

const init = buildCommand({
  loader: async () => (await import('../commands/authority.ts')).init,
  parameters: {
    flags: { ...JSON_FLAG, ...DATA_FLAGS, organization: text('Name of the organization', 'NAME') },
  },
  docs: explain(
    'Create an authority: the organization and its first administrator',
    `Makes the data directory and prints the organization id and one API token, once. Fails where there is an authority.
The master key encrypts the signing keys. It comes from --master-key-file (made where there is none), or from
CHANCERY_MASTER_KEY, CHANCERY_MASTER_KEY_FILE or CHANCERY_MASTER_PASSPHRASE.`,
    'chancery init --data-dir ./data --master-key-file ./chancery-master.key --organization "Example Ltd"',
    'chancery init --json --master-key-file /run/secrets/chancery | jq -r .apiToken',
  ),
})

const serve = buildCommand({
  loader: async () => (await import('../commands/authority.ts')).serve,
  parameters: {
    flags: {
      ...DATA_FLAGS,
      listen: text(
        'Address and port (CHANCERY_LISTEN, else 127.0.0.1:7080); port 0 takes a free one',
        'H:P',
      ),
      publicUrl: text('How clients reach the server (CHANCERY_PUBLIC_URL)', 'URL'),
      trustedProxy: texts(
        'Proxy or network of proxies whose X-Forwarded-For says who calls, for the logs (CHANCERY_TRUSTED_PROXIES, separated by commas)',
        'ADDRESS[/BITS]',
      ),
      maxArtifactBytes: wholeNumber(
        'Largest artifact accepted; 67108864 (64 MiB) where absent',
        1,
        'BYTES',
      ),
      quiet: toggle('Log nothing but problems'),
      init: toggle('Create the authority first where the data directory is absent or empty'),
      organization: text('With --init: name of the organization', 'NAME'),
    },
  },
  docs: explain(
    'Serve an authority over HTTP',
    `Prints "Listening on URL" to stdout when it answers. SIGTERM and SIGINT finish the open requests, then it exits 0.
Put a proxy that speaks TLS in front of it where others than this machine call.`,
    'chancery serve --data-dir ./data --master-key-file ./chancery-master.key',
    'chancery serve --public-url https://signing.example.com --trusted-proxy 127.0.0.1',
    'chancery serve --init --listen 0.0.0.0:7080 --public-url https://signing.example.com --master-key-file /run/secrets/chancery',
  ),
})

const fsck = buildCommand({
  loader: async () => (await import('../commands/authority.ts')).fsck,
  parameters: { flags: { ...JSON_FLAG, ...DATA_FLAGS } },
  docs: explain(
    'Examine a data directory',
    `Checks that the store, the artifacts, the audit chain and the signatures hold together. Stop the server first.
Exit code 1 where something does not.`,
    'chancery fsck --data-dir ./data --master-key-file ./chancery-master.key',
  ),
})

const apply = buildCommand({
  loader: async () => (await import('../commands/apply.ts')).apply,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      file: requiredText('The configuration, - for standard input', 'FILE'),
      dryRun: toggle('Print what would change, and change nothing'),
    },
    aliases: { f: 'file' },
  },
  docs: explain(
    'Make the server match chancery.yaml',
    `Creates and changes what the file names, in the right order, and prints each change. Running it again changes
nothing. It never deletes: what the file does not name stays as it is, be it an object or a field.
Users it creates have no API token: \`chancery users token NAME\` makes one.`,
    'chancery apply -f chancery.yaml --dry-run',
    'chancery apply -f chancery.yaml',
  ),
})

/** The authority itself: made, served, examined, configured. */
export const authorityRoutes = { init, serve, apply, fsck }
