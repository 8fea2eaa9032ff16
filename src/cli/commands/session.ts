import { deleteLogin, saveLogin } from '../../config/login-file.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { completionScript } from '../completion.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag, ServerFlags } from '../flags.ts'
import type { Shell } from '../shells.ts'
import { formatFields } from '../text-table.ts'
import { VERSION } from '../version.ts'

/** `chancery login` */
export async function login(
  this: CliContext,
  flags: ServerFlags & { readonly tokenStdin?: boolean },
): Promise<void> {
  const given = flags.tokenStdin === true ? (await this.readStandardInput()).trim() : undefined
  const token = given ?? this.secrets.token
  if (token === undefined || token === '') {
    throw new ChanceryError('ERR_CLI_NO_TOKEN', 'expected an API token', {
      hints: ['Pass --token-stdin and the token on standard input, or set CHANCERY_TOKEN.'],
    })
  }
  const client = await connect({ ...this, secrets: { ...this.secrets, token } }, flags)
  const user = await client.administration.getMe()
  const { serverUrl: url, organizationId } = client
  const path = await saveLogin(configHomeOf(this), { url, organizationId, token })
  const document = { url, organizationId, userId: user.id, userName: user.name }
  this.output.result(flags.json, document, () => `Logged in to ${url} as ${user.name} (${path}).`)
}

/** `chancery logout` */
export async function logout(this: CliContext, flags: JsonFlag): Promise<void> {
  const wasLoggedIn = await deleteLogin(configHomeOf(this))
  this.output.result(flags.json, { wasLoggedIn }, () =>
    wasLoggedIn ? 'Logged out.' : 'There was no login.',
  )
}

/** `chancery whoami` */
export async function whoami(this: CliContext, flags: ServerFlags): Promise<void> {
  const client = await connect(this, flags)
  const user = await client.administration.getMe()
  const { serverUrl: url, organizationId } = client
  this.output.result(flags.json, { ...user, organizationId, url }, () =>
    formatFields([
      ['User', `${user.name} (${user.userType})`],
      ['Id', user.id],
      ['Roles', user.roles.join(', ')],
      ['Organization', organizationId],
      ['Server', url],
    ]),
  )
}

/** `chancery version` */
export function showVersion(this: CliContext, flags: JsonFlag): void {
  const document = { version: VERSION, node: process.version.slice(1), platform: process.platform }
  this.output.result(flags.json, document, () => `chancery ${VERSION} (Node ${document.node})`)
}

/** `chancery completion` */
export function printCompletion(this: CliContext, _flags: object, shell: Shell): void {
  this.output.raw(completionScript(shell))
}

function configHomeOf(context: CliContext): string {
  const { configHome } = context.environment
  if (configHome !== undefined) return configHome
  throw new ChanceryError('ERR_CONFIG_LOGIN', 'expected to know where logins are kept', {
    hints: ['Set HOME or XDG_CONFIG_HOME.'],
  })
}
