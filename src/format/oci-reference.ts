import { ChanceryError } from '../errors/chancery-error.ts'
import { isSha256Digest } from './oci-digest.ts'

/** The name of an image in a registry; a name without tag and digest means the tag `latest`. */
export interface ImageReference {
  /** Host and optional port as written, `index.docker.io` for Docker Hub. */
  readonly registry: string
  /** Path of the repository, with `library/` before one-part names on Docker Hub. */
  readonly repository: string
  readonly tag?: string
  /** `sha256:` and 64 lower-case hexadecimal digits. */
  readonly digest?: string
}

const MAX_REFERENCE = 1024
const MAX_REPOSITORY = 255
const DOCKER_HUB = 'index.docker.io'
const DOCKER_HUB_ALIASES: ReadonlySet<string> = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
])

const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i
const HOST_AND_PORT = /^(\[[0-9a-f:]{2,45}\]|[^[\]:]+)(?::([0-9]{1,5}))?$/i

/**
 * Reads an image reference: `[registry/]repository[:tag][@digest]`, as Cosign reads it. The part before the first
 * slash is a registry if it has a dot or a colon or is `localhost`; anything else is on Docker Hub.
 *
 * Registry and repository follow the distribution grammar: an ASCII host name, IPv4 or bracketed IPv6 address with an
 * optional port; lower-case path components, together at most 255 characters.
 * Source: distribution, reference/regexp.go; go-containerregistry, pkg/name.
 *
 * @throws ChanceryError ERR_FORMAT_REFERENCE if the text is anything else; the message says which part.
 */
export function parseReference(text: string): ImageReference {
  if (text.length > MAX_REFERENCE) throw refused(`at most ${MAX_REFERENCE} characters`)
  const [named = '', digest, ...more] = text.split('@')
  if (more.length > 0) throw refused('one "@" at most')
  if (digest !== undefined && !isSha256Digest(digest)) {
    throw refused('"sha256:" and 64 lower-case hexadecimal digits after "@"')
  }
  const { name, tag } = splitTag(named)
  return {
    ...parseRepository(name),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

function splitTag(named: string): { name: string; tag?: string } {
  const colon = named.lastIndexOf(':')
  // A colon before the last slash belongs to the port of the registry.
  if (colon < 0 || named.includes('/', colon)) return { name: named }
  const tag = named.slice(colon + 1)
  if (!TAG.test(tag)) {
    throw refused('a tag of letters, digits, "_", "." and "-", 128 at most, after ":"')
  }
  return { name: named.slice(0, colon), tag }
}

function parseRepository(name: string): { registry: string; repository: string } {
  const { registry, path } = splitRegistry(name)
  checkPath(path)
  if (registry === undefined || registry === 'docker.io' || registry === DOCKER_HUB) {
    return { registry: DOCKER_HUB, repository: inLibrary(path) }
  }
  checkRegistry(registry)
  return { registry, repository: path }
}

/**
 * Splits a name without tag and digest before its first slash, if what precedes that slash names a registry:
 * if it has a dot or a colon or is `localhost`. Neither part is checked.
 */
export function splitRegistry(name: string): { registry?: string; path: string } {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost'
  return isRegistry ? { registry: first, path: name.slice(slash + 1) } : { path: name }
}

/** True if the host, in lower case and without a port, is one of Docker Hub's. */
export function isDockerHub(registry: string): boolean {
  return DOCKER_HUB_ALIASES.has(registry)
}

/** Puts `library/` before a path of one component, where Docker Hub keeps what has no namespace. */
export function inLibrary(path: string): string {
  return path.includes('/') ? path : `library/${path}`
}

function checkPath(path: string): void {
  if (path.length > MAX_REPOSITORY) {
    throw refused(`a repository of at most ${MAX_REPOSITORY} characters`)
  }
  if (/[A-Z]/.test(path)) throw refused('a repository in lower case')
  if (!path.split('/').every((component) => COMPONENT.test(component))) {
    throw refused(
      'a repository of components such as "team/app-1", of lower-case letters and digits with single ".", "_", ' +
        '"__" or "-" between them',
    )
  }
}

function checkRegistry(registry: string): void {
  const [, host = '', port] = HOST_AND_PORT.exec(registry) ?? []
  const isHost = host.startsWith('[') || host.split('.').every((label) => LABEL.test(label))
  if (!isHost || (port !== undefined && (Number(port) < 1 || Number(port) > 65535))) {
    throw refused(
      'a registry such as "registry.acme.test" or "localhost:5000" before the first "/"',
    )
  }
}

function refused(expected: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_REFERENCE', `image reference: expected ${expected}`, {
    hints: ['Write registry/repository:tag or registry/repository@sha256:<digest>.'],
  })
}

/**
 * `registry/repository`, without tag and digest: what Cosign writes as `docker-reference`, Docker Hub's host being
 * `index.docker.io`.
 */
export function referenceContext(
  reference: Pick<ImageReference, 'registry' | 'repository'>,
): string {
  return `${reference.registry}/${reference.repository}`
}

/**
 * The one name of a repository that policies compare: the host in lower case, and `docker.io/library/x` for
 * everything that Docker Hub calls `x`: `docker.io/x`, `index.docker.io/library/x`, `registry-1.docker.io/x`, ...
 *
 * @param text `[registry/]repository`, for example the `docker-reference` of a payload.
 * @throws ChanceryError ERR_FORMAT_REFERENCE if the text is no repository, or has a tag or a digest.
 */
export function normaliseRepository(text: string): string {
  const reference = parseReference(text)
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw refused('a repository without tag and digest')
  }
  const registry = reference.registry.toLowerCase()
  if (isDockerHub(registry)) return `docker.io/${inLibrary(reference.repository)}`
  return `${registry}/${reference.repository}`
}
