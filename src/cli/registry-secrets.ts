import { readHelperEnvironment } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { FindCredentials, RegistryCredentials } from '../registry/credentials.ts'
import { dockerCredentials } from '../registry/docker-credentials.ts'
import type { RepositoryName } from '../registry/origins.ts'
import { requireClientCertificate, type ClientCertificate } from '../registry/tls-settings.ts'
import { readUserFile } from './local-files.ts'
import { secretsIn, type RegistryFlags } from './registry-flags.ts'

/** What names the one registry that a secret is for. */
export type InRegistry = Pick<RepositoryName, 'registry'>

const MAX_PEM_BYTES = 1024 * 1024

/**
 * Makes sure that what the flags show a registry, passwords, tokens and client certificates, goes to the one that it is
 * for.
 *
 * @param hint What else can be done than a command for each registry.
 * @throws ChanceryError ERR_CLI_USAGE if there is any of it, and the images are in several registries.
 */
export function requireOneRegistry(
  flags: RegistryFlags,
  images: readonly InRegistry[],
  hint = 'Name the images of each registry in a command of its own, or use docker login and certs.d.',
): void {
  const registries = new Set(images.map(({ registry }) => registry))
  const secrets = secretsIn(flags)
  if (registries.size < 2 || secrets.length === 0) return
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    `expected images of one registry with ${secrets.join(' and ')}, found ${[...registries].join(', ')}`,
    { hints: [hint] },
  )
}

/**
 * The credentials of the flags, for the registry of the images and no other; without any, those that docker and podman
 * keep.
 *
 * @throws ChanceryError ERR_CLI_USAGE if there is a user without a password, or the other way round.
 */
export function credentialsOf(
  flags: RegistryFlags,
  images: readonly InRegistry[],
): FindCredentials {
  const given = readCredentials(flags)
  if (given === undefined) return dockerCredentials(readHelperEnvironment())
  const registries = new Set(images.map(({ registry }) => registry))
  return ({ registry }) => (registries.has(registry) ? given : undefined)
}

function readCredentials(flags: RegistryFlags): RegistryCredentials | undefined {
  const { registryUsername: username, registryPassword: password, registryToken: token } = flags
  if (token !== undefined) return { kind: 'bearer-token', token }
  if (username === undefined && password === undefined) return undefined
  if (username !== undefined && password !== undefined)
    return { kind: 'password', username, password }
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    'expected --registry-username and --registry-password together',
  )
}

/**
 * The client certificate of the flags.
 *
 * @throws ChanceryError ERR_CLI_USAGE if there is one without its key, or the other way round.
 * @throws ChanceryError ERR_REGISTRY_CREDENTIALS if they cannot be used.
 */
export async function readClientCertificate(
  flags: RegistryFlags,
): Promise<ClientCertificate | undefined> {
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

/** Reads a PEM file that the user named. */
export async function readPem(path: string): Promise<string> {
  return Buffer.from(await readUserFile(path, MAX_PEM_BYTES)).toString('utf8')
}
