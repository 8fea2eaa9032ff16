import { ChanceryError } from '../errors/chancery-error.ts'
import { isDockerHub, parseReference } from '../format/oci-reference.ts'
import type { RepositoryName } from './origins.ts'

/** What a mirror is asked for. */
export type MirrorUse = 'all' | 'digest-only' | 'tag-only'

/** Where repositories can be read besides, or instead of, where their name says. */
export interface ReadLocation {
  /** Host with an optional port, and perhaps the beginning of a path. */
  readonly location: string
  /** Whether plain http will do where it does not speak TLS. */
  readonly isInsecure: boolean
}

/** A mirror of the repositories below a prefix. */
export interface Mirror extends ReadLocation {
  readonly use: MirrorUse
}

/** What is configured for the repositories below a prefix. */
export interface RegistryEntry extends ReadLocation {
  /** Host with an optional port, and perhaps the beginning of a path; or `*.` and a domain. */
  readonly prefix: string
  readonly isBlocked: boolean
  /** In the order they are asked. */
  readonly mirrors: readonly Mirror[]
}

/** The entries of one or more files; at most one for a prefix. */
export type RegistriesConfiguration = readonly RegistryEntry[]

/** What a repository's name matched, and what of the name follows the prefix. */
export interface MatchedEntry {
  readonly entry: RegistryEntry
  /** Empty, or it begins with `/`. */
  readonly rest: string
}

type Table = Readonly<Record<string, unknown>>

const MAX_ENTRIES = 1000
const MAX_MIRRORS = 20
const ENTRY_KEYS = ['prefix', 'location', 'insecure', 'blocked', 'mirror', 'mirror-by-digest-only']
const MIRROR_KEYS = ['location', 'insecure', 'pull-from-mirror']
const USES: readonly string[] = ['all', 'digest-only', 'tag-only'] satisfies MirrorUse[]

/**
 * Reads the `[[registry]]` tables of a `registries.conf`, version 2. What else the file has (short names, search lists)
 * concerns others and is passed over; a key inside these tables that is not known is an error, as it may restrict.
 *
 * Source: containers-registries.conf(5).
 *
 * @param document The file's content, as a TOML parser gives it.
 * @param path Names the file in errors.
 * @throws ChanceryError ERR_REGISTRY_CONFIGURATION if it is not what is expected, or has a prefix twice.
 */
export function readRegistryEntries(document: Table, path: string): RegistriesConfiguration {
  if (document['registries'] !== undefined) {
    throw unusable(path, 'it is of version 1; expected [[registry]] tables')
  }
  const entries = tablesOf(document['registry'], MAX_ENTRIES, path, '[[registry]]').map((table) =>
    readEntry(table, path),
  )
  const prefixes = entries.map(({ prefix }) => prefix)
  const twice = prefixes.find((prefix, index) => prefixes.indexOf(prefix) !== index)
  if (twice !== undefined) throw unusable(path, `it has two entries for ${twice}`)
  return entries
}

/** The error of a configuration that cannot be used. */
export function unusable(path: string, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_CONFIGURATION', `${path} cannot be used: ${reason}`, {
    cause,
    hints: ['Correct it, or name another with CONTAINERS_REGISTRIES_CONF.'],
  })
}

/** The entry with the longest prefix of a repository's name; prefixes end where a part of the name ends. */
export function findEntry(
  configuration: RegistriesConfiguration,
  { registry, repository }: RepositoryName,
): MatchedEntry | undefined {
  const host = canonicalHost(registry)
  const name = `${host}/${repository}`
  let best: MatchedEntry | undefined
  for (const entry of configuration) {
    const { prefix } = entry
    const isBelow = name === prefix || name.startsWith(`${prefix}/`)
    const isWildcard = prefix.startsWith('*.') && host.endsWith(prefix.slice(1))
    if (!isBelow && !isWildcard) continue
    const length = best?.entry.prefix.length ?? 0
    // A name is nearer than a wildcard of the same length.
    if (prefix.length < length || (prefix.length === length && isWildcard)) continue
    best = { entry, rest: name.slice(isBelow ? prefix.length : host.length) }
  }
  return best
}

/** The repository at a location. @param rest What follows the prefix in its name. */
export function repositoryAt({ location }: ReadLocation, rest: string): RepositoryName {
  const { registry, repository } = parseReference(`${location}${rest}`)
  return { registry, repository }
}

function readEntry(table: Table, path: string): RegistryEntry {
  const text = textsOf(table, path)
  const flag = flagsOf(table, path)
  requireKnown(table, ENTRY_KEYS, path)
  const prefix = readName(text('prefix') ?? text('location'), path, true)
  // A wildcard stands for many hosts: without a location each is where its name says.
  const location = readName(text('location') ?? prefix, path, true)
  const isDigestOnly = flag('mirror-by-digest-only')
  const mirrors = tablesOf(table['mirror'], MAX_MIRRORS, path, '[[registry.mirror]]')
  return {
    prefix,
    location,
    isInsecure: flag('insecure'),
    isBlocked: flag('blocked'),
    mirrors: mirrors.map((mirror) => readMirror(mirror, path, isDigestOnly)),
  }
}

function readMirror(table: Table, path: string, isDigestOnly: boolean): Mirror {
  requireKnown(table, MIRROR_KEYS, path)
  const use = textsOf(table, path)('pull-from-mirror')
  if (use !== undefined && (isDigestOnly || !USES.includes(use))) {
    const wanted = `"pull-from-mirror" to be one of ${USES.join(', ')}`
    throw unusable(path, `expected ${wanted}, and not beside "mirror-by-digest-only"`)
  }
  return {
    location: readName(textsOf(table, path)('location'), path, false),
    isInsecure: flagsOf(table, path)('insecure'),
    use: (use as MirrorUse | undefined) ?? (isDigestOnly ? 'digest-only' : 'all'),
  }
}

/** A host, perhaps with a path, in the one way that names are compared in. */
function readName(name: string | undefined, path: string, mayBeWildcard: boolean): string {
  const [host = '', ...rest] = (name ?? '').replace(/\/$/, '').split('/')
  const isWildcard = mayBeWildcard && host.startsWith('*.') && rest.length === 0
  const checked = isWildcard ? host.slice(2) : host
  const joined = [checked, ...rest].join('/')
  const isHost = /[.:]/.test(host) || host === 'localhost'
  try {
    if (!isHost) throw new ChanceryError('ERR_FORMAT_REFERENCE', 'expected a host')
    // With a path behind it, neither a tag nor a digest has a place in it.
    parseReference(isWildcard ? `${checked}:443/x` : `${joined}/x`)
  } catch (cause) {
    const shown = JSON.stringify((name ?? '').slice(0, 200))
    throw unusable(path, `expected a registry with an optional path, found ${shown}`, cause)
  }
  return [canonicalHost(host), ...rest].join('/')
}

/** One spelling for each registry, so that none is reached past its entry by another. */
function canonicalHost(host: string): string {
  const lower = host.toLowerCase().replace(/:443$/, '')
  return isDockerHub(lower) ? 'docker.io' : lower
}

function tablesOf(value: unknown, max: number, path: string, what: string): readonly Table[] {
  if (value === undefined) return []
  const isList =
    Array.isArray(value) && value.every((one) => one !== null && typeof one === 'object')
  if (!isList) throw unusable(path, `expected ${what} tables`)
  if (value.length > max) throw unusable(path, `expected at most ${max} ${what} tables`)
  return value as readonly Table[]
}

function textsOf(table: Table, path: string): (key: string) => string | undefined {
  return (key) => {
    const value = table[key]
    if (value === undefined || value === '') return undefined
    if (typeof value !== 'string') throw unusable(path, `expected "${key}" to be a string`)
    return value
  }
}

function flagsOf(table: Table, path: string): (key: string) => boolean {
  return (key) => {
    const value = table[key] ?? false
    if (typeof value !== 'boolean') throw unusable(path, `expected "${key}" to be true or false`)
    return value
  }
}

function requireKnown(table: Table, known: readonly string[], path: string): void {
  const unknown = Object.keys(table).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const shown = JSON.stringify(unknown.slice(0, 100))
  throw unusable(path, `${shown} is not known; expected ${known.join(', ')}`)
}
