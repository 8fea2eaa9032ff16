import { readHelperEnvironment } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { FindCredentials } from '../registry/credentials.ts'
import { dockerCredentials } from '../registry/docker-credentials.ts'
import { RegistryClient } from '../registry/registry-client.ts'
import { parseDuration, text, toggle } from './flags.ts'
import { readUserFile } from './local-files.ts'

/** The flags of every command that talks to a registry; the names are Cosign's. */
export const REGISTRY_FLAGS = {
  registryUsername: text('User name for the registry; else what docker login stored', 'NAME'),
  registryPassword: text('Password or access token for the registry', 'PASSWORD'),
  registryToken: text('Bearer token for the registry', 'TOKEN'),
  registryCacert: text("PEM certificate of the registry's own CA", 'FILE'),
  allowHttpRegistry: toggle('Speak plain http to a registry on another machine'),
  timeout: {
    kind: 'parsed',
    parse: parseDuration,
    default: '3m',
    brief: 'How long the whole command may take',
    placeholder: 'DURATION',
  },
} as const

/** The values of {@link REGISTRY_FLAGS}. */
export interface RegistryFlags {
  readonly registryUsername?: string
  readonly registryPassword?: string
  readonly registryToken?: string
  readonly registryCacert?: string
  readonly allowHttpRegistry?: boolean
  /** Milliseconds. */
  readonly timeout: number
}

const MAX_CA_BYTES = 1024 * 1024

/** A client with the credentials and certificates that the flags, or else the docker configuration, name. */
export async function openRegistryClient(flags: RegistryFlags): Promise<RegistryClient> {
  const own = flags.registryCacert
  const certificateAuthorities =
    own === undefined ? [] : [Buffer.from(await readUserFile(own, MAX_CA_BYTES)).toString('utf8')]
  return new RegistryClient({
    findCredentials: credentialsOf(flags),
    certificateAuthorities,
    allowHttp: flags.allowHttpRegistry ?? false,
  })
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
