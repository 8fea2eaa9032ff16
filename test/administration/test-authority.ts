import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import type { Administration } from '../../src/administration/administration.ts'
import { createAdministration } from '../../src/administration/create-administration.ts'
import { foundAuthority } from '../../src/administration/found.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import { createStore, loadStore, type Store } from '../../src/db/open-store.ts'
import { ChanceryError } from '../../src/errors/chancery-error.ts'
import { ApiTokens } from '../../src/identity/api-tokens.ts'
import { Authenticator } from '../../src/identity/authenticator.ts'
import { MasterKey } from '../../src/keys/master-key.ts'
import { SoftwareKeyStore } from '../../src/keys/software-key-store.ts'
import type { Caller } from '../../src/policy/caller.ts'
import type { Role } from '../../src/policy/principal.ts'
import type { CreatedOrganization } from '../../src/wire/administration.ts'

const auditKey = new Uint8Array(32).fill(7)
const masterKey = new MasterKey(new Uint8Array(32).fill(9))

/** The services of an authority over a real store. */
export interface Opened {
  readonly store: Store
  readonly catalog: Catalog
  readonly tokens: ApiTokens
  readonly authenticator: Authenticator
  readonly administration: Administration
  readonly keyStore: SoftwareKeyStore
}

/** A whole authority in a temporary directory, with a clock that the test sets. */
export class TestAuthority implements AsyncDisposable {
  readonly #directory: string
  #opened: Opened
  #founded: CreatedOrganization
  /** A millisecond passes with every look at it, so that ids sort by age. */
  now = Date.parse('2026-11-23T12:00:00.000Z')

  private constructor(directory: string, store: Store) {
    this.#directory = directory
    this.#opened = this.#open(store)
    this.#founded = { organizationId: '', administratorId: '', apiToken: '' }
  }

  static async create(): Promise<TestAuthority> {
    const directory = await mkdtemp(join(tmpdir(), 'chancery-administration-'))
    const authority = new TestAuthority(directory, await createStore({ directory, auditKey }))
    const { store, catalog, tokens } = authority.#opened
    authority.#founded = await foundAuthority({
      ledger: store.ledger,
      catalog,
      tokens,
      organizationName: 'Acme',
      now: authority.now++,
    })
    return authority
  }

  get services(): Opened {
    return this.#opened
  }

  get administration(): Administration {
    return this.#opened.administration
  }

  get founded(): CreatedOrganization {
    return this.#founded
  }

  /** The Global Administrator of the first organization. */
  get administrator(): Caller {
    return this.callerWith(this.#founded.apiToken)
  }

  /** A second view of the same store, as another process would have it. */
  openAgain(): Opened {
    return this.#open(this.#opened.store)
  }

  /** Closes the store and opens it again: what is there now was on disk. */
  async restart(): Promise<void> {
    await this.#opened.store[Symbol.asyncDispose]()
    this.#opened = this.#open(await loadStore({ directory: this.#directory, auditKey }))
  }

  callerWith(apiToken: string): Caller {
    const principal = this.#opened.authenticator.authenticate(`Bearer ${apiToken}`, this.now)
    return { principal, address: '192.0.2.1', requestId: 'a-request' }
  }

  /** A new user of the administrator's organization, and a caller with a token of it. */
  async addUser(
    administrator: Caller,
    name: string,
    roles: readonly Role[] = [],
    userType: 'interactive' | 'ci' = 'interactive',
  ): Promise<Caller> {
    const { administration } = this.#opened
    const { id } = await administration.createUser(administrator, userType, {
      name,
      roles: [...roles],
    })
    const { apiToken } = await administration.createApiToken(administrator, id, {})
    return this.callerWith(apiToken)
  }

  /** The caller with the roles and groups it has now. */
  refresh(caller: Caller): Caller {
    const { principal } = caller
    const { catalog } = this.#opened
    const user = catalog.find('user', principal.userId)
    assert.ok(user)
    const groups = catalog.groupsOf(user.id)
    return {
      ...caller,
      principal: {
        ...principal,
        roles: new Set([...user.roles, ...groups.flatMap((group) => group.roles)]),
        groupIds: new Set(groups.map((group) => group.id)),
      },
    }
  }

  /** The audit events of an organization, oldest first. */
  auditEvents(organizationId: string): readonly TestEvent[] {
    return this.#opened.store.reader
      .all<{ readonly record: string }>('SELECT record FROM audit_events ORDER BY seq')
      .map(({ record }) => JSON.parse(record) as TestEvent)
      .filter((event) => event.organizationId === organizationId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.store[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }

  #open(store: Store): Opened {
    const catalog = Catalog.load(store.reader)
    const tokens = ApiTokens.load(store.reader)
    const keyStore = new SoftwareKeyStore(store.reader, masterKey)
    const { ledger } = store
    const administration = createAdministration({
      catalog,
      tokens,
      ledger,
      keyStore,
      now: () => this.now++,
    })
    const authenticator = new Authenticator(catalog, tokens)
    return { store, catalog, tokens, authenticator, administration, keyStore }
  }
}

/** An audit event as it is stored. */
export interface TestEvent {
  readonly organizationId: string
  readonly type: string
  readonly actorId: string | null
  readonly address: string | null
  readonly requestId: string | null
  readonly objectId: string | null
  readonly data: Readonly<Record<string, unknown>>
}

/** What a call ends with: `ok`, or the code of its error. Anything but a ChanceryError fails the test. */
export async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'ok'
  } catch (thrown) {
    if (thrown instanceof ChanceryError) return thrown.code
    throw thrown
  }
}

/** Asserts that a call is refused with the code. */
export async function assertRefused(call: () => unknown, code: string): Promise<void> {
  assert.equal(await outcomeOf(call), code)
}
