import { join } from 'node:path'
import { readHelperEnvironment } from '../config/environment.ts'
import {
  certificateDirectories,
  certificatesIn,
  readCertificateDirectory,
} from '../registry/certificate-directories.ts'
import { dockerCredentials } from '../registry/docker-credentials.ts'
import { MirrorReads, requireNotBlocked } from '../registry/mirror-reads.ts'
import type { RegistriesConfiguration } from '../registry/registries-configuration.ts'
import { readRegistriesFiles } from '../registry/registries-files.ts'
import { RegistryClient, type RegistryClientOptions } from '../registry/registry-client.ts'
import type { CliContext } from './context.ts'
import type { RegistryFlags } from './registry-flags.ts'
import {
  credentialsOf,
  readClientCertificate,
  readPem,
  requireOneRegistry,
  type InRegistry,
} from './registry-secrets.ts'
import { printable } from './text-table.ts'

type AccessContext = Pick<CliContext, 'environment' | 'output'>

/** How registries are reached: the flags, and certificates as `certs.d` has them for the registry of the images. */
export interface AccessFlags extends RegistryFlags {
  readonly certificateDirectory?: string | undefined
}

/** A mirror that is down costs so much, once; the registry itself is there to be asked. */
const MIRROR_PATIENCE = { attempts: 2, maxRetryAfterMs: 2_000, patienceMs: 12_000 }
const MIRROR_TIMEOUTS = { connectMs: 5_000, answerMs: 10_000, totalMs: 30_000 }

/**
 * A client with the credentials and certificates that the flags, or else the configuration of docker and podman, name;
 * through the proxies of the environment. A person is told when it waits for a registry. It speaks to each registry
 * itself, and not to those that `registries.conf` blocks.
 *
 * @param images All that the client is for: what the flags show a registry is for theirs alone.
 * @throws ChanceryError ERR_CLI_USAGE if they are in several registries, and the flags have something for one.
 */
export async function openRegistryClient(
  context: AccessContext,
  flags: AccessFlags,
  images: readonly InRegistry[],
): Promise<RegistryClient> {
  const configuration = await readConfiguration(context)
  return new RegistryClient(await clientOptions(context, flags, images, configuration))
}

/**
 * Like {@link openRegistryClient}, for a command that writes nothing to a registry: it reads through the mirrors of
 * `registries.conf`, to which nothing goes of what the flags say.
 */
export async function openReadingClient(
  context: AccessContext,
  flags: RegistryFlags,
  images: readonly InRegistry[],
): Promise<RegistryClient> {
  const configuration = await readConfiguration(context)
  const options = await clientOptions(context, flags, images, configuration)
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
  flags: AccessFlags,
  images: readonly InRegistry[],
  configuration: RegistriesConfiguration,
): Promise<RegistryClientOptions> {
  requireOneRegistry(flags, images)
  const { registryCacert, certificateDirectory } = flags
  const own =
    certificateDirectory === undefined
      ? undefined
      : await readCertificateDirectory(certificateDirectory)
  return {
    ...commonOptions(context, configuration),
    findCredentials: credentialsOf(flags, images),
    certificateAuthorities: [
      ...(registryCacert === undefined ? [] : [await readPem(registryCacert)]),
      ...(own?.certificateAuthorities ?? []),
    ],
    ownTls: {
      clientCertificate: own?.clientCertificate ?? (await readClientCertificate(flags)),
      serverName: flags.registryServerName,
    },
    allowHttp: flags.allowHttpRegistry ?? false,
    maxReferrers: flags.maxReferrers,
    maxAttachedBytes: flags.maxAttachedSize,
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
