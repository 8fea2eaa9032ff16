import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogObject } from '../catalog/objects.ts'
import type { AuditEvent, Change, Ledger, Statement } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { isUsable, type ApiTokens } from '../identity/api-tokens.ts'
import { principalOf } from '../identity/principal-of.ts'
import type { Caller } from '../policy/caller.ts'
import type { Principal } from '../policy/principal.ts'
import { objectEvent, tokenEvent, traceOf, type Deed, type TokenChange } from './audit-events.ts'
import { requireAdministrator } from './last-administrator.ts'

/** A new object, or the next version of one. */
export interface ObjectChange {
  readonly after: CatalogObject
  readonly deed: Deed
}

/** A change that was decided on. Each object and each token gets an audit event of its own. */
export interface Plan<Result> {
  readonly objects?: readonly ObjectChange[]
  readonly tokens?: readonly TokenChange[]
  /** What belongs to the change and is no configured object, such as a key. */
  readonly statements?: readonly Statement[]
  /** Audit events besides those of the objects and tokens. */
  readonly events?: readonly AuditEvent[]
  readonly result: Result
}

/** Decides on a change by the caller's present rights; `at` is the time in milliseconds since 1970. */
export type Planner<Result> = (principal: Principal, at: number) => Plan<Result>

/** What the changes work on. */
export interface ChangesOptions {
  readonly catalog: Catalog
  readonly tokens: ApiTokens
  readonly ledger: Ledger
  /** The time, in milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The one door through which the configuration changes.
 *
 * Changes run one after another: each is planned on what the one before left, so that what spans several objects (the
 * last administrator, a policy and its certificate, the caller's own rights) holds however calls overlap.
 */
export class Changes {
  readonly #options: ChangesOptions
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ChangesOptions) {
    this.#options = options
  }

  /**
   * Plans a change, makes it durable with its audit events, and puts it into force. An object that is as it was gets no
   * new version; a plan that changes nothing leaves no trace.
   *
   * @throws ChanceryError ERR_IDENTITY_UNAUTHENTICATED if the caller's token or user has been disabled meanwhile.
   * @throws ChanceryError ERR_CATALOG_CHANGED, ERR_CATALOG_DUPLICATE, ERR_ADMINISTRATION_LAST_ADMINISTRATOR,
   *   ERR_DB_UNAVAILABLE, and whatever `plan` throws; nothing was changed.
   */
  run<Result>(caller: Caller, plan: Planner<Result>): Promise<Result> {
    const turn = this.#last.then(() => this.#make(caller, plan))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #make<Result>(caller: Caller, plan: Planner<Result>): Promise<Result> {
    const { catalog, tokens } = this.#options
    const at = this.#options.now()
    const planned = plan(this.#presentPrincipal(caller, at), at)
    const changes = (planned.objects ?? []).filter(({ after }) => this.#isChange(after))
    const outcome = {
      objects: changes.map(({ after }) => after),
      tokens: (planned.tokens ?? []).map(({ after }) => after),
    }
    const trace = traceOf(caller, at)
    const events = [
      ...changes.map(({ after, deed }) => objectEvent(trace, deed, this.#present(after), after)),
      ...(planned.tokens ?? []).map((change) => tokenEvent(trace, change)),
      ...(planned.events ?? []),
    ]
    if (events.length === 0) return planned.result
    requireAdministrator(catalog, tokens, outcome, at)
    const statements = [
      ...catalog.stage(outcome.objects, caller.principal.userId, at),
      ...(planned.tokens ?? []).map(({ after, deed }) =>
        deed === 'Created' ? tokens.stageCreate(after) : tokens.stageRevoke(after),
      ),
      ...(planned.statements ?? []),
    ]
    await this.#commit({ statements, events })
    catalog.accept(outcome.objects)
    for (const token of outcome.tokens) tokens.accept(token)
    return planned.result
  }

  /** The token was good when the call came in; a slow upload or a queue may have outlasted that. */
  #presentPrincipal(caller: Caller, now: number): Principal {
    const { catalog, tokens } = this.#options
    const { userId, tokenId } = caller.principal
    const token = tokens.find(userId, tokenId)
    const principal = principalOf(catalog, userId, tokenId)
    if (token === undefined || !isUsable(token, now) || principal === undefined) {
      throw new ChanceryError(
        'ERR_IDENTITY_UNAUTHENTICATED',
        'the API token of this call is no longer accepted',
      )
    }
    return principal
  }

  #present(object: CatalogObject): CatalogObject | undefined {
    return this.#options.catalog.find(object.kind, object.id)
  }

  #isChange(after: CatalogObject): boolean {
    const before = this.#present(after)
    if (before === undefined) return true
    return JSON.stringify({ ...after, version: before.version }) !== JSON.stringify(before)
  }

  async #commit(change: Change): Promise<void> {
    try {
      await this.#options.ledger.commit(change)
    } catch (thrown) {
      throw asCatalogError(thrown)
    }
  }
}

function asCatalogError(thrown: unknown): unknown {
  if (!(thrown instanceof ChanceryError)) return thrown
  if (thrown.code === 'ERR_DB_CONFLICT') {
    return new ChanceryError(
      'ERR_CATALOG_CHANGED',
      'the object was changed by somebody else meanwhile',
      { cause: thrown, hints: ['read it again and repeat the change'] },
    )
  }
  if (thrown.code === 'ERR_DB_DUPLICATE') {
    return new ChanceryError('ERR_CATALOG_DUPLICATE', 'the name or slug is taken', {
      cause: thrown,
      hints: ['choose another; inactive objects keep theirs'],
    })
  }
  return thrown
}
