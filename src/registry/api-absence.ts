import { referenceContext } from '../format/oci-reference.ts'
import { BoundedMap } from '../verify/bounded-map.ts'
import type { RepositoryName } from './origins.ts'
import type { MissingReferrers } from './referrers-page.ts'

const MAX_REMEMBERED = 1000
/** Answers that do not say who gave them; what so many manifests get is no accident. */
const UNCLEAR_ANSWERS = 2

/**
 * Where registries have no referrers API, as their answers said, so that nobody asks again while the program runs.
 *
 * A 404 that is the registry's own holds for all repositories with the same first part of their name: what stands
 * before registries, or holds several kinds of them, tells them apart by that. One that something else may have given, a
 * gateway with a page of its own, proves nothing; two, for two manifests, hold for their repository. One that is about
 * a manifest holds for nothing else. An answer with a list takes everything back.
 */
export class ApiAbsence {
  /** By scope: whether it is absent there, as soon as the first answer says so. */
  readonly #isAbsent = new BoundedMap<string, Promise<boolean>>(MAX_REMEMBERED)
  /** By repository: the manifests whose answers were unclear. */
  readonly #unclear = new BoundedMap<string, Set<string>>(MAX_REMEMBERED)

  /**
   * Asks, unless the API is absent; of several that would be the first, one asks and the others wait for it.
   *
   * @returns Undefined if nobody was asked.
   */
  async askUnlessAbsent<Listed extends object>(
    repository: RepositoryName,
    digest: string,
    ask: () => Promise<Listed | MissingReferrers>,
  ): Promise<Listed | MissingReferrers | undefined> {
    const unclear = this.#unclear.get(referenceContext(repository))
    if (unclear !== undefined && unclear.size >= UNCLEAR_ANSWERS) return undefined
    const scope = scopeOf(repository)
    const known = this.#isAbsent.get(scope)
    if (known !== undefined) {
      return (await known) ? undefined : this.learnFrom(repository, digest, ask)
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#isAbsent.set(scope, promise)
    let isAbsent = false
    try {
      const answer = await this.learnFrom(repository, digest, ask)
      isAbsent = 'missing' in answer && answer.missing === 'api'
      return answer
    } finally {
      // Where nothing was learnt, the next one is the first.
      if (this.#isAbsent.get(scope) === promise) this.#isAbsent.delete(scope)
      resolve(isAbsent)
    }
  }

  /** Asks, whatever is known, and remembers what the answer says. */
  async learnFrom<Listed extends object>(
    repository: RepositoryName,
    digest: string,
    ask: () => Promise<Listed | MissingReferrers>,
  ): Promise<Listed | MissingReferrers> {
    const answer = await ask()
    const name = referenceContext(repository)
    const missing = 'missing' in answer ? answer.missing : undefined
    if (missing === undefined) this.#unclear.delete(name)
    if (missing === 'unclear') {
      const unclear = this.#unclear.get(name) ?? new Set()
      this.#unclear.set(name, unclear.add(digest))
    } else if (missing !== 'list') {
      this.#isAbsent.set(scopeOf(repository), Promise.resolve(missing === 'api'))
    }
    return answer
  }
}

/** The host and, of several parts of a name, the first. */
function scopeOf({ registry, repository }: RepositoryName): string {
  const [first = '', ...others] = repository.split('/')
  return others.length === 0 ? `${registry}/${first}` : `${registry}/${first}/`
}
