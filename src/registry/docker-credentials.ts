import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import { parseJson } from '../format/json.ts'
import { runCredentialHelper, type Environment } from './credential-helper.ts'
import type { FindCredentials, RegistryCredentials } from './credentials.ts'
import type { RepositoryName } from './origins.ts'

const MAX_FILE_BYTES = 1024 * 1024
/** The key under which docker keeps the credentials of Docker Hub, whatever host is spoken to. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/'
const DOCKER_HUB_HOSTS = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/**
 * Finds credentials where docker, podman and cosign keep them.
 *
 * `REGISTRY_AUTH_FILE`, when set, is the only file read, and must exist. Else the first of these with an entry for the
 * registry: `$DOCKER_CONFIG/config.json` (by default `~/.docker`), `$XDG_RUNTIME_DIR/containers/auth.json`,
 * `$XDG_CONFIG_HOME/containers/auth.json` (by default `~/.config`).
 *
 * In a file: the helper that `credHelpers` names for exactly this host, else the one of `credsStore`, else the entry of
 * `auths`. Hosts are compared whole, never by a part, with their port; an `auths` key may go on with a path
 * (`registry.acme.test/team`), which then has to be a prefix of whole segments of the repository.
 *
 * Source: docker config.json; containers-auth.json(5); docker-credential-helpers, README.
 *
 * @param environment The variables named above, `HOME`, and what helpers run with (`PATH`).
 * @returns A function that throws ChanceryError ERR_REGISTRY_CREDENTIALS if a file or helper is there but of no use:
 * going on anonymously would hide the reason.
 */
export function dockerCredentials(environment: Environment): FindCredentials {
  return async (repository) => {
    for (const path of credentialFiles(environment)) {
      const file = await readCredentialFile(path, path === environment['REGISTRY_AUTH_FILE'])
      if (file === undefined) continue
      const found = await findInFile(file, repository, environment)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function credentialFiles(environment: Environment): string[] {
  const only = environment['REGISTRY_AUTH_FILE']
  if (only) return [only]
  const home = environment['HOME'] ?? environment['USERPROFILE']
  const docker = environment['DOCKER_CONFIG'] ?? (home && join(home, '.docker'))
  const runtime = environment['XDG_RUNTIME_DIR']
  const config = environment['XDG_CONFIG_HOME'] ?? (home && join(home, '.config'))
  return [
    docker && join(docker, 'config.json'),
    runtime && join(runtime, 'containers', 'auth.json'),
    config && join(config, 'containers', 'auth.json'),
  ].filter((path): path is string => Boolean(path))
}

interface CredentialFile {
  readonly path: string
  readonly auths: Members
  readonly credHelpers: Members
  readonly credsStore: string | undefined
}

type Members = Readonly<Record<string, unknown>>

async function readCredentialFile(
  path: string,
  isRequired: boolean,
): Promise<CredentialFile | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (isAbsent && !isRequired) return undefined
    throw unusable(path, isAbsent ? 'it does not exist' : 'it cannot be read', cause)
  }
  let value: unknown
  try {
    value = parseJson(bytes, { maxBytes: MAX_FILE_BYTES })
  } catch (cause) {
    throw unusable(path, 'it is not JSON', cause)
  }
  const members = asMembers(value)
  if (members === undefined) throw unusable(path, 'expected a JSON object')
  const credsStore = members['credsStore'] ?? ''
  const auths = asMembers(members['auths'] ?? {})
  const credHelpers = asMembers(members['credHelpers'] ?? {})
  if (auths === undefined || credHelpers === undefined || typeof credsStore !== 'string') {
    throw unusable(
      path,
      'expected the members "auths", "credHelpers" and "credsStore" as docker writes them',
    )
  }
  return { path, auths, credHelpers, credsStore: credsStore === '' ? undefined : credsStore }
}

async function findInFile(
  file: CredentialFile,
  repository: RepositoryName,
  environment: Environment,
): Promise<RegistryCredentials | undefined> {
  const host = canonicalHost(repository.registry)
  const ownHelper = Object.entries(file.credHelpers).find(([key]) => splitKey(key).host === host)
  const helper = ownHelper?.[1] ?? file.credsStore
  if (helper !== undefined) {
    if (typeof helper !== 'string')
      throw unusable(file.path, 'expected the names of helpers to be strings')
    const keys = host === 'docker.io' ? [DOCKER_HUB_KEY] : [host, `https://${host}`]
    for (const key of keys) {
      const found = await runCredentialHelper(helper, key, environment)
      if (found !== undefined) return found
    }
  }
  return findInAuths(file, host, repository.repository)
}

function findInAuths(
  file: CredentialFile,
  host: string,
  repository: string,
): RegistryCredentials | undefined {
  const matching = Object.entries(file.auths)
    .map(([key, entry]) => ({ ...splitKey(key), entry }))
    .filter((auth) => auth.host === host && isWithin(repository, auth.path))
    .sort((one, other) => other.path.length - one.path.length)
  for (const { entry } of matching) {
    const found = readAuth(file.path, entry)
    if (found !== undefined) return found
  }
  return undefined
}

/** Host and path of a key as docker (`https://index.docker.io/v1/`, `host:port`) or podman (`host/team`) writes it. */
function splitKey(key: string): { readonly host: string; readonly path: string } {
  const bare = key.replace(/^https?:\/\//, '')
  const [host = '', ...segments] = bare.split('/')
  const path = segments.filter((segment) => segment !== '').join('/')
  const isApiVersion = path === 'v1' || path === 'v2'
  return { host: canonicalHost(host), path: isApiVersion ? '' : path }
}

function canonicalHost(host: string): string {
  const lower = host.toLowerCase()
  return DOCKER_HUB_HOSTS.includes(lower) ? 'docker.io' : lower
}

function isWithin(repository: string, path: string): boolean {
  return path === '' || repository === path || repository.startsWith(`${path}/`)
}

function readAuth(path: string, entry: unknown): RegistryCredentials | undefined {
  const members = asMembers(entry)
  if (members === undefined) throw unusable(path, 'expected the entries of "auths" to be objects')
  const text = (name: string): string => {
    const value = members[name] ?? ''
    if (typeof value !== 'string') throw unusable(path, `expected "${name}" to be a string`)
    return value
  }
  if (text('identitytoken') !== '') return { kind: 'identity-token', token: text('identitytoken') }
  if (text('registrytoken') !== '') return { kind: 'bearer-token', token: text('registrytoken') }
  if (text('auth') !== '') return readUserAndPassword(path, text('auth'))
  if (text('username') === '') return undefined
  return { kind: 'password', username: text('username'), password: text('password') }
}

function readUserAndPassword(path: string, auth: string): RegistryCredentials {
  let decoded: string
  try {
    decoded = new TextDecoder('utf-8', { fatal: true }).decode(decodeBase64(auth))
  } catch (cause) {
    throw unusable(path, 'expected "auth" to be base64 of user:password', cause)
  }
  const colon = decoded.indexOf(':')
  if (colon < 1) throw unusable(path, 'expected "auth" to be base64 of user:password')
  // Some versions of docker pad the password with zero bytes.
  const password = decoded.slice(colon + 1).replace(/\0+$/, '')
  return { kind: 'password', username: decoded.slice(0, colon), password }
}

function asMembers(value: unknown): Members | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Members) : undefined
}

function unusable(path: string, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_CREDENTIALS',
    `the registry credentials in ${path} cannot be used: ${reason}`,
    { cause, hints: ['Correct the file, or name another with REGISTRY_AUTH_FILE.'] },
  )
}
