import { buildChoiceParser, buildCommand } from '@stricli/core'
import { SHELLS } from '../shells.ts'
import { explain, JSON_FLAG, SERVER_FLAGS, toggle } from '../flags.ts'

const login = buildCommand({
  loader: async () => (await import('../commands/session.ts')).login,
  parameters: {
    flags: { ...SERVER_FLAGS, tokenStdin: toggle('Read the API token from standard input') },
  },
  docs: explain(
    'Store the server, the organization and the API token',
    `Checks the token at the server, then keeps it in $XDG_CONFIG_HOME/chancery/login.json, readable by you alone.
Without --token-stdin the token is taken from CHANCERY_TOKEN.`,
    'chancery login --url https://signing.example.com --organization 0197a1c2-7f3e-7c11-9d4e-5b6a7c8d9e0f --token-stdin < token.txt',
  ),
})

const logout = buildCommand({
  loader: async () => (await import('../commands/session.ts')).logout,
  parameters: { flags: { ...JSON_FLAG } },
  docs: explain(
    'Forget what `chancery login` stored',
    'Deletes the stored login. The token itself stays valid: `chancery users revoke-token` ends it.',
    'chancery logout',
  ),
})

const whoami = buildCommand({
  loader: async () => (await import('../commands/session.ts')).whoami,
  parameters: { flags: { ...SERVER_FLAGS } },
  docs: explain(
    'Show whose token is used',
    'Shows the user that the API token belongs to, the organization and the server.',
    'chancery whoami',
    'chancery whoami --json | jq -r .organizationId',
  ),
})

const version = buildCommand({
  loader: async () => (await import('../commands/session.ts')).showVersion,
  parameters: { flags: { ...JSON_FLAG } },
  docs: explain(
    'Show the version',
    'Shows the version of chancery and of Node.',
    'chancery version --json',
  ),
})

const completion = buildCommand({
  loader: async () => (await import('../commands/session.ts')).printCompletion,
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'bash, zsh or fish', placeholder: 'SHELL', parse: buildChoiceParser(SHELLS) },
      ],
    },
  },
  docs: explain(
    'Print a completion script for your shell',
    'Prints a script that completes commands and flags.',
    'source <(chancery completion bash)',
    'chancery completion zsh > "${fpath[1]}/_chancery"',
    'chancery completion fish > ~/.config/fish/completions/chancery.fish',
  ),
})

/** Who calls, and the CLI itself. */
export const sessionRoutes = { login, logout, whoami, version, completion }
