import { readHelperEnvironment } from '../config/environment.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { FindCredentials } from '../registry/credentials.ts'
import { dockerCredentials } from '../registry/docker-credentials.ts'
import { RegistryClient } from '../registry/registry-client.ts'
import { readUserFile } from './local-files.ts'
import type { RegistryFlags } from './registry-flags.ts'

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
