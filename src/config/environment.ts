/** The variables Chancery itself reads. */
const NAMES = [
  'CHANCERY_URL',
  'CHANCERY_ORGANIZATION',
  'CHANCERY_TOKEN',
  'CHANCERY_DATA_DIR',
  'CHANCERY_LISTEN',
  'CHANCERY_PUBLIC_URL',
  'CHANCERY_TRUSTED_PROXIES',
  'CHANCERY_MASTER_KEY',
  'CHANCERY_MASTER_KEY_FILE',
  'CHANCERY_MASTER_PASSPHRASE',
  'CHANCERY_DEBUG',
] as const
/** Read by the tests and the launcher; known, so that they raise no warning. */
const FOREIGN_NAMES = ['CHANCERY_REQUIRE', 'CHANCERY_NODE']

const KEY_PASSWORD_VARIABLE = 'COSIGN_PASSWORD'

/** What the environment says, without its secrets; may be printed. An empty variable counts as absent. */
export interface Environment {
  readonly url: string | undefined
  readonly organizationId: string | undefined
  readonly dataDirectory: string | undefined
  readonly listen: string | undefined
  readonly publicUrl: string | undefined
  /** Separated by commas. */
  readonly trustedProxies: string | undefined
  readonly masterKeyFile: string | undefined
  /** Whether stacks of unexpected errors are printed. */
  readonly isDebug: boolean
  /** `NO_COLOR` is set to anything. Source: no-color.org. */
  readonly noColor: boolean
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case; the lower-case one wins, as curl has it. */
  readonly proxy: ProxySettings
  /** Where docker, podman and cosign keep registry credentials. */
  readonly registry: RegistryVariables
  /** Where per-user files live: `$XDG_CONFIG_HOME`, else `$HOME/.config`. */
  readonly configHome: string | undefined
  /** One sentence for each `CHANCERY_*` variable that nothing reads. */
  readonly warnings: readonly string[]
}

/** Proxies for outgoing HTTP. They may hold passwords: not for printing. */
export interface ProxySettings {
  readonly http: string | undefined
  readonly https: string | undefined
  readonly noProxy: string | undefined
}

/** The variables that lead to registry credentials and to `registries.conf`. */
export interface RegistryVariables {
  readonly HOME: string | undefined
  readonly DOCKER_CONFIG: string | undefined
  readonly REGISTRY_AUTH_FILE: string | undefined
  /** The only `registries.conf` that is read, as podman has it. */
  readonly CONTAINERS_REGISTRIES_CONF: string | undefined
  readonly XDG_RUNTIME_DIR: string | undefined
  readonly XDG_CONFIG_HOME: string | undefined
  /** Where credential helpers are looked for. */
  readonly PATH: string | undefined
}

/** The secrets of the environment, kept apart so that {@link Environment} can be printed. */
export interface EnvironmentSecrets {
  readonly token: string | undefined
  /** The master key itself, as text. */
  readonly masterKey: string | undefined
  readonly masterPassphrase: string | undefined
}

type Variables = Readonly<Record<string, string | undefined>>

/** Reads the environment once. */
export function readEnvironment(variables: Variables = process.env): Environment {
  const read = (name: string): string | undefined => readVariable(variables, name)
  const home = read('HOME')
  return {
    url: read('CHANCERY_URL'),
    organizationId: read('CHANCERY_ORGANIZATION'),
    dataDirectory: read('CHANCERY_DATA_DIR'),
    listen: read('CHANCERY_LISTEN'),
    publicUrl: read('CHANCERY_PUBLIC_URL'),
    trustedProxies: read('CHANCERY_TRUSTED_PROXIES'),
    masterKeyFile: read('CHANCERY_MASTER_KEY_FILE'),
    isDebug: (read('CHANCERY_DEBUG') ?? '0') !== '0',
    noColor: read('NO_COLOR') !== undefined,
    proxy: {
      http: read('http_proxy') ?? read('HTTP_PROXY'),
      https: read('https_proxy') ?? read('HTTPS_PROXY'),
      noProxy: read('no_proxy') ?? read('NO_PROXY'),
    },
    registry: {
      HOME: home,
      DOCKER_CONFIG: read('DOCKER_CONFIG'),
      REGISTRY_AUTH_FILE: read('REGISTRY_AUTH_FILE'),
      CONTAINERS_REGISTRIES_CONF: read('CONTAINERS_REGISTRIES_CONF'),
      XDG_RUNTIME_DIR: read('XDG_RUNTIME_DIR'),
      XDG_CONFIG_HOME: read('XDG_CONFIG_HOME'),
      PATH: read('PATH'),
    },
    configHome: read('XDG_CONFIG_HOME') ?? (home === undefined ? undefined : `${home}/.config`),
    warnings: warnOfUnknown(variables),
  }
}

/**
 * What programs are started with that give registry credentials: the whole environment, in which they look for theirs
 * (`AWS_PROFILE`, `DBUS_SESSION_BUS_ADDRESS`, ...), without what is Chancery's own: its variables, and the password of the
 * signing key. It holds secrets: not for printing.
 */
export function readHelperEnvironment(
  variables: Variables = process.env,
): Readonly<Record<string, string | undefined>> {
  const isOwn = (name: string): boolean =>
    name.startsWith('CHANCERY_') || name === KEY_PASSWORD_VARIABLE
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isOwn(name)))
}

/**
 * Has Node verify the certificate of every server, whatever `NODE_TLS_REJECT_UNAUTHORIZED` says, which many set for other
 * programs. `NODE_EXTRA_CA_CERTS` stays, which is how an own authority is trusted.
 *
 * @returns Whether they would not have been verified.
 */
export function verifyServerCertificates(variables: NodeJS.ProcessEnv = process.env): boolean {
  const isOff = variables['NODE_TLS_REJECT_UNAUTHORIZED'] === '0'
  // Node looks at it anew for each connection.
  if (isOff) delete variables['NODE_TLS_REJECT_UNAUTHORIZED']
  return isOff
}

/** Reads the secrets of the environment once. */
export function readSecrets(variables: Variables = process.env): EnvironmentSecrets {
  const read = (name: string): string | undefined => readVariable(variables, name)
  return {
    token: read('CHANCERY_TOKEN'),
    masterKey: read('CHANCERY_MASTER_KEY'),
    masterPassphrase: read('CHANCERY_MASTER_PASSPHRASE'),
  }
}

/**
 * The password of key files: `COSIGN_PASSWORD`, as cosign reads it; a secret. Empty is a password, too: undefined only
 * if the variable is not there.
 */
export function readKeyPassword(variables: Variables = process.env): string | undefined {
  return variables[KEY_PASSWORD_VARIABLE]
}

function readVariable(variables: Variables, name: string): string | undefined {
  const value = variables[name]
  return value === '' ? undefined : value
}

function warnOfUnknown(variables: Variables): readonly string[] {
  const known = new Set<string>([...NAMES, ...FOREIGN_NAMES])
  return Object.keys(variables)
    .filter((name) => name.startsWith('CHANCERY_') && !known.has(name))
    .sort()
    .map((name) => `the environment variable ${name} is not one Chancery reads`)
}
