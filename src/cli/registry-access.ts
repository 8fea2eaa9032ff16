import { readHelperEnvironment } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ImageReference } from '../format/oci-reference.ts'
import { certificateDirectories, certificatesIn } from '../registry/certificate-directories.ts'
import type { FindCredentials } from '../registry/credentials.ts'
import { dockerCredentials } from '../registry/docker-credentials.ts'
import { RegistryClient } from '../registry/registry-client.ts'
import { requireClientCertificate, type ClientCertificate } from '../registry/tls-settings.ts'
import type { CliContext } from './context.ts'
import { readUserFile } from './local-files.ts'
import type { RegistryFlags } from './registry-flags.ts'

const MAX_PEM_BYTES = 1024 * 1024

/**
 * A client with the credentials and certificates that the flags, or else the configuration of docker and podman, name;
 * through the proxies of the environment. A person is told when it waits for a registry.
 */
export async function openRegistryClient(
  context: Pick<CliContext, 'environment' | 'output'>,
  flags: RegistryFlags,
): Promise<RegistryClient> {
  const own = flags.registryCacert
  return new RegistryClient({
    findCredentials: credentialsOf(flags),
    certificateAuthorities: own === undefined ? [] : [await readPem(own)],
    findTlsSettings: certificatesIn(certificateDirectories({ ...context.environment.registry })),
    ownTls: {
      clientCertificate: await readClientCertificate(flags),
      serverName: flags.registryServerName,
    },
    allowHttp: flags.allowHttpRegistry ?? false,
    proxies: context.environment.proxy,
    onWait: (message) => context.output.progress(message),
  })
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
