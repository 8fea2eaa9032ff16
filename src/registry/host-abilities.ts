import { BoundedMap } from '../verify/bounded-map.ts'
import type { RepositoryName } from './origins.ts'

/** What a registry has shown that it cannot do, for as long as the program runs; what is not known is tried. */
export interface HostAbilities {
  /** False where a blob is not taken along with the request that begins its upload, and the upload fails for it. */
  takesSinglePost: boolean
  /** False where a manifest is refused for what its descriptors bring along. */
  takesEmbeddedContent: boolean
  /** False where a blob is not taken in several requests. */
  takesChunks: boolean
}

const MAX_HOSTS = 1000

/** The abilities of registries by their host and port. They say how something is asked for, never what is there. */
export class HostMemory {
  readonly #byHost = new BoundedMap<string, HostAbilities>(MAX_HOSTS)

  /** What is known of a registry; what is changed in it is remembered. */
  of({ registry }: Pick<RepositoryName, 'registry'>): HostAbilities {
    const known = this.#byHost.get(registry)
    if (known !== undefined) return known
    const fresh = { takesSinglePost: true, takesEmbeddedContent: true, takesChunks: true }
    this.#byHost.set(registry, fresh)
    return fresh
  }
}
