import { ChanceryError } from '../errors/chancery-error.ts'
import type { RepositoryName } from './origins.ts'
import {
  findEntry,
  repositoryAt,
  type Mirror,
  type ReadLocation,
  type RegistriesConfiguration,
} from './registries-configuration.ts'

/**
 * What is read: what a digest names, which no mirror can make another thing; the image that a tag names; or what
 * belongs to an image, whose absence must never come from a mirror.
 */
export type ReadKind = 'digest' | 'image-tag' | 'belongings'

/** How {@link MirrorReads} reaches the places. */
export interface MirrorReadsOptions<Client> {
  readonly configuration: RegistriesConfiguration
  /** Makes a client of places that are not the registry itself: it has nothing of what was given for that one. */
  readonly open: (isInsecure: boolean) => Client
  /** Told once of each mirror that is given up, and which mirror a tag was read from. */
  readonly onNews: (message: string) => void
}

/**
 * Holds a repository to the `blocked` entries of the configuration.
 *
 * @throws ChanceryError ERR_REGISTRY_BLOCKED if it is below one.
 */
export function requireNotBlocked(
  configuration: RegistriesConfiguration,
  repository: RepositoryName,
): void {
  const found = findEntry(configuration, repository)
  if (found?.entry.isBlocked !== true) return
  throw new ChanceryError(
    'ERR_REGISTRY_BLOCKED',
    `${repository.registry}/${repository.repository} is blocked in registries.conf, by the entry ${found.entry.prefix}`,
    { hints: ['Use an image from another registry, or ask who keeps registries.conf.'] },
  )
}

/**
 * Reads repositories from their mirrors. A mirror can be absent or wrong, never decide: what it does not have, or has
 * wrong, is asked of the next place, and one that failed is not asked again.
 */
export class MirrorReads<Client extends Disposable> implements Disposable {
  readonly #options: MirrorReadsOptions<Client>
  readonly #clients = new Map<boolean, Client>()
  readonly #givenUp = new Set<string>()
  /** Mirrors that a tag was read from. */
  readonly #readTags = new Set<string>()

  constructor(options: MirrorReadsOptions<Client>) {
    this.#options = options
  }

  /**
   * Reads from the mirrors in order, then from the location that the repository is moved to.
   *
   * @param read Undefined, or ERR_REGISTRY_NOT_FOUND, if the place does not have it; has to verify digests.
   * @returns Undefined if no mirror has it and the repository is where its name says: that place is to be asked.
   * @throws ChanceryError ERR_REGISTRY_BLOCKED; besides, what reading at the other location throws.
   */
  async read<T>(
    repository: RepositoryName,
    kind: ReadKind,
    signal: AbortSignal | undefined,
    read: (client: Client, place: RepositoryName) => Promise<T | undefined>,
  ): Promise<{ readonly value: T | undefined } | undefined> {
    requireNotBlocked(this.#options.configuration, repository)
    const found = findEntry(this.#options.configuration, repository)
    if (found === undefined) return undefined
    const { entry, rest } = found
    for (const mirror of entry.mirrors) {
      if (!isAskedFor(mirror, kind) || this.#givenUp.has(mirror.location)) continue
      const value = await this.#tryMirror(mirror, rest, signal, read)
      if (value === undefined) continue
      if (kind === 'image-tag') this.#tellOfTags(mirror)
      return { value }
    }
    // `*.` has no name of its own to replace.
    if (entry.location === entry.prefix) return undefined
    return { value: await read(this.#clientOf(entry), repositoryAt(entry, rest)) }
  }

  async #tryMirror<T>(
    mirror: Mirror,
    rest: string,
    signal: AbortSignal | undefined,
    read: (client: Client, place: RepositoryName) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    try {
      return await read(this.#clientOf(mirror), repositoryAt(mirror, rest))
    } catch (error) {
      if (!(error instanceof ChanceryError) || signal?.aborted === true) throw error
      if (error.code === 'ERR_REGISTRY_NOT_FOUND') return undefined
      const isNews = !this.#givenUp.has(mirror.location)
      this.#givenUp.add(mirror.location)
      const { location } = mirror
      if (isNews)
        this.#options.onNews(`the mirror ${location} is not used any more: ${error.message}`)
      return undefined
    }
  }

  #tellOfTags({ location }: Mirror): void {
    if (this.#readTags.has(location)) return
    this.#readTags.add(location)
    this.#options.onNews(`tags are read from the mirror ${location}`)
  }

  #clientOf({ isInsecure }: ReadLocation): Client {
    const client = this.#clients.get(isInsecure) ?? this.#options.open(isInsecure)
    this.#clients.set(isInsecure, client)
    return client
  }

  /** Closes the connections that are kept for reuse. */
  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client[Symbol.dispose]()
  }
}

function isAskedFor({ use }: Mirror, kind: ReadKind): boolean {
  if (kind === 'belongings') return false
  return use === 'all' || use === (kind === 'digest' ? 'digest-only' : 'tag-only')
}
