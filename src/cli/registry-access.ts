import { join } from 'node:path'
import { readHelperEnvironment } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ImageReference } from '../format/oci-reference.ts'
import { certificateDirectories, certificatesIn } from '../registry/certificate-directories.ts'
import type { FindCredentials } from '../registry/credentials.ts'
import { dockerCredentials } from '../registry/docker-credentials.ts'
import { MirrorReads, requireNotBlocked } from '../registry/mirror-reads.ts'
import type { RegistriesConfiguration } from '../registry/registries-configuration.ts'
import { readRegistriesFiles } from '../registry/registries-files.ts'
import { RegistryClient, type RegistryClientOptions } from '../registry/registry-client.ts'
import { requireClientCertificate, type ClientCertificate } from '../registry/tls-settings.ts'
import type { CliContext } from './context.ts'
import { readUserFile } from './local-files.ts'
import type { RegistryFlags } from './registry-flags.ts'
import { printable } from './text-table.ts'

const MAX_PEM_BYTES = 1024 * 1024

type AccessContext = Pick<CliContext, 'environment' | 'output'>

/** A mirror that is down costs so much, once; the registry itself is there to be asked. */
const MIRROR_PATIENCE = { attempts: 2, maxRetryAfterMs: 2_000, patienceMs: 12_000 }
const MIRROR_TIMEOUTS = { connectMs: 5_000, answerMs: 10_000, totalMs: 30_000 }

/**
 * A client with the credentials and certificates that the flags, or else the configuration of docker and podman, name;
 * through the proxies of the environment. A person is told when it waits for a registry. It speaks to each registry
 * itself, and not to those that `registries.conf` blocks.
 */
export async function openRegistryClient(
  context: AccessContext,
  flags: RegistryFlags,
): Promise<RegistryClient> {
  return new RegistryClient(await clientOptions(context, flags, await readConfiguration(context)))
}

/**
 * Like {@link openRegistryClient}, for a command that writes nothing to a registry: it reads through the mirrors of
 * `registries.conf`, to which nothing goes of what the flags say.
 */
export async function openReadingClient(
  context: AccessContext,
  flags: RegistryFlags,
): Promise<RegistryClient> {
  const configuration = await readConfiguration(context)
  const options = await clientOptions(context, flags, configuration)
  if (configuration.length === 0) return new RegistryClient(options)
  const mirrors = new MirrorReads<RegistryClient>({
    configuration,
    open: (allowHttp) =>
      new RegistryClient({
        ...commonOptions(context, configuration),
        findCredentials: dockerCredentials(readHelperEnvironment()),
        retries: MIRROR_PATIENCE,
        timeouts: MIRROR_TIMEOUTS,
        allowHttp,
      }),
    onNews: (message) => context.output.warn(printable(message)),
  })
  return new RegistryClient({ ...options, mirrors })
}

function readConfiguration({ environment }: AccessContext): Promise<RegistriesConfiguration> {
  const { configHome, registry } = environment
  return readRegistriesFiles({
    named: registry.CONTAINERS_REGISTRIES_CONF,
    user: configHome === undefined ? undefined : join(configHome, 'containers'),
    system: '/etc/containers',
  })
}

async function clientOptions(
  context: AccessContext,
  flags: RegistryFlags,
  configuration: RegistriesConfiguration,
): Promise<RegistryClientOptions> {
  const own = flags.registryCacert
  return {
    ...commonOptions(context, configuration),
    findCredentials: credentialsOf(flags),
    certificateAuthorities: own === undefined ? [] : [await readPem(own)],
    ownTls: {
      clientCertificate: await readClientCertificate(flags),
      serverName: flags.registryServerName,
    },
    allowHttp: flags.allowHttpRegistry ?? false,
  }
}

function commonOptions(
  { environment, output }: AccessContext,
  configuration: RegistriesConfiguration,
): RegistryClientOptions {
  return {
    findTlsSettings: certificatesIn(certificateDirectories({ ...environment.registry })),
    requireAllowed: (repository) => requireNotBlocked(configuration, repository),
    proxies: environment.proxy,
    onWait: (message) => output.progress(message),
  }
}

/**
 * Makes sure that a secret of the flags goes to the one registry that it is for.
 *
 * @throws ChanceryError ERR_CLI_USAGE if there is one, and the images are in several registries.
 */
export function requireOneRegistry(
  flags: RegistryFlags,
  references: readonly Pick<ImageReference, 'registry'>[],
): void {
  const registries = new Set(references.map(({ registry }) => registry))
  const { registryPassword, registryToken } = flags
  if (registries.size < 2 || (registryPassword ?? registryToken) === undefined) return
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    `expected images of one registry with --registry-password and --registry-token, found ${registries.size} registries`,
    { hints: ['Name the images of each registry in a command of its own, or use docker login.'] },
  )
}

async function readPem(path: string): Promise<string> {
  return Buffer.from(await readUserFile(path, MAX_PEM_BYTES)).toString('utf8')
}

async function readClientCertificate(flags: RegistryFlags): Promise<ClientCertificate | undefined> {
  const { registryClientCert: certificate, registryClientKey: key } = flags
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined) {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      'expected --registry-client-cert and --registry-client-key together',
    )
  }
  const pair = { certificate: await readPem(certificate), key: await readPem(key) }
  requireClientCertificate(pair, '--registry-client-cert and --registry-client-key')
  return pair
}

function credentialsOf(flags: RegistryFlags): FindCredentials {
  const { registryUsername: username, registryPassword: password, registryToken: token } = flags
  if (token !== undefined) return () => ({ kind: 'bearer-token', token })
  if (username === undefined && password === undefined) {
    return dockerCredentials(readHelperEnvironment())
  }
  if (username === undefined || password === undefined) {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      'expected --registry-username and --registry-password together',
    )
  }
  return () => ({ kind: 'password', username, password })
}
