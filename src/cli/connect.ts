import type { ChanceryClient } from '../client/chancery-client.ts'
import { verifyServerCertificates } from '../config/environment.ts'
import { findLogin } from '../config/login-file.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { CliContext } from './context.ts'
import type { ServerFlags } from './flags.ts'
import { VERSION } from './version.ts'

/** Settings of a connection that a command may choose. */
export interface ConnectOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

/**
 * A client for the server that the flags, the environment or `chancery login` name, in this order. A stored token goes
 * only to the server and organization it was stored for.
 *
 * @throws ChanceryError ERR_CLI_NO_SERVER or ERR_CLI_NO_TOKEN if something is named nowhere.
 */
export async function connect(
  context: CliContext,
  flags: ServerFlags,
  options: ConnectOptions = {},
): Promise<ChanceryClient> {
  const { environment, secrets, output } = context
  const { configHome } = environment
  const login = configHome === undefined ? undefined : await findLogin(configHome)
  const url = flags.url ?? environment.url ?? login?.url
  const organizationId = flags.organization ?? environment.organizationId ?? login?.organizationId
  if (url === undefined) throw notConfigured('server URL', '--url or CHANCERY_URL')
  if (organizationId === undefined) {
    throw notConfigured('organization id', '--organization or CHANCERY_ORGANIZATION')
  }
  const isStoredServer = url === login?.url && organizationId === login.organizationId
  const token = secrets.token ?? (isStoredServer ? login.token : undefined)
  if (token === undefined) {
    throw new ChanceryError('ERR_CLI_NO_TOKEN', 'expected an API token', {
      hints: ['Set CHANCERY_TOKEN, or run `chancery login --token-stdin`.'],
    })
  }
  if (verifyServerCertificates()) {
    output.warn(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 counts for nothing: the token is for this server alone',
    )
  }
  const proxyHost = await useProxy(context, url)
  const { ChanceryClient } = await import('../client/chancery-client.ts')
  return new ChanceryClient({
    url,
    organizationId: parseOrganization(organizationId),
    token,
    userAgent: `chancery/${VERSION}`,
    allowHttp: flags.allowHttp ?? false,
    proxyHost,
    onRetry: (reason, delayMs) =>
      output.progress(`${reason}; trying again in ${(delayMs / 1000).toFixed(1)} s`),
    ...options,
  })
}

function parseOrganization(text: string): string {
  if (!/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      `expected the organization id to be a GUID, found "${text}"`,
    )
  }
  return text.toLowerCase()
}

/**
 * Has calls of the server go through the proxy of the environment, by the rules that registries are reached by.
 *
 * @returns Host and port of the proxy; undefined if there is none on the way.
 * @throws ChanceryError ERR_REGISTRY_PROXY if the proxy cannot be used.
 */
async function useProxy(context: CliContext, serverUrl: string): Promise<string | undefined> {
  const { proxy: variables } = context.environment
  if (variables.http === undefined && variables.https === undefined) return undefined
  const { Proxies } = await import('../registry/proxies.ts')
  const url = URL.canParse(serverUrl) ? new URL(serverUrl) : undefined
  const proxy = url && new Proxies(variables).find(url)
  if (proxy === undefined) return undefined
  // Node has it since 24.14.
  const node: object = await import('node:http')
  if (!('setGlobalProxyFromEnv' in node) || typeof node.setGlobalProxyFromEnv !== 'function') {
    context.output.warn('this Node cannot use a proxy; 24.14 and later can')
    return undefined
  }
  const setProxy = node.setGlobalProxyFromEnv as (variables: ProxyVariables) => unknown
  // What is excepted was found out already: this process calls this server alone in this manner.
  setProxy({ http_proxy: proxy.href, https_proxy: proxy.href, no_proxy: '' })
  return proxy.host
}

interface ProxyVariables {
  readonly http_proxy: string
  readonly https_proxy: string
  readonly no_proxy: string
}

function notConfigured(what: string, where: string): ChanceryError {
  return new ChanceryError('ERR_CLI_NO_SERVER', `expected a ${what}`, {
    hints: [`Set ${where}, or run \`chancery login\`.`],
  })
}
