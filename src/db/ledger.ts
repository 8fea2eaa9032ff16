/** A value SQLite stores: integers are safe integers, times are milliseconds since 1970 UTC. */
export type SqlValue = string | number | Uint8Array | null

/** One SQL statement of a change. */
export interface Statement {
  /** SQL text with `?` parameters. One text per call site: it is prepared once and kept. */
  readonly sql: string
  readonly parameters: readonly SqlValue[]
  /**
   * How many rows it must change; another number rolls the whole change back.
   * This is how a writer says which state it decided on (`… WHERE id = ? AND version = ?`).
   */
  readonly expectChanges?: number
}

/** What happened, as the audit log keeps it. */
export interface AuditEvent {
  /** The organization whose log it goes to; the nil GUID is the instance's own log. */
  readonly organizationId: string
  /** `<Object>.<PastParticiple>`, e.g. `SigningRequest.Submitted`, `User.LoginFailed`. */
  readonly type: string
  /** When, in milliseconds since 1970 UTC. */
  readonly at: number
  /** Who: the user's id, or null where nobody was authenticated and for the service itself. */
  readonly actorId: string | null
  /** The remote address of the call, or null for the service itself. */
  readonly address: string | null
  /** The id of the HTTP request, or null. */
  readonly requestId: string | null
  /** The object it is about: a signing request, a policy, a user, … */
  readonly objectId: string | null
  /** Everything else, a JSON object without secrets; object versions go here. */
  readonly data: Readonly<Record<string, unknown>>
}

/** One change: all of it becomes durable with its audit events, or none of it happens. */
export interface Change {
  readonly statements: readonly Statement[]
  /** At least one: nothing changes without a trace. */
  readonly events: readonly AuditEvent[]
}

/**
 * The single writer of the store.
 *
 * `commit` may be called concurrently. It resolves after the change and its audit events are on disk (fsync);
 * changes commit in the order of the calls. Changes queued while an earlier commit runs share the next one.
 */
export interface Ledger {
  /**
   * @returns The events' numbers in their organization's log, in order.
   * @throws ChanceryError ERR_DB_CONFLICT if a statement changed another number of rows than it expects.
   * @throws ChanceryError ERR_DB_DUPLICATE if a unique value exists already.
   * @throws ChanceryError ERR_DB_UNAVAILABLE if the disk is full or the store cannot be written; nothing was changed.
   */
  commit(change: Change): Promise<readonly number[]>

  /**
   * Writes traces that are no change of anything (when a token was last used), without an audit event.
   *
   * @throws ChanceryError as `commit`.
   */
  note(statements: readonly Statement[]): Promise<void>
}

/**
 * Reads what is committed. Statements are prepared once per SQL text and kept. Values come back as {@link SqlValue}.
 *
 * Every method throws ChanceryError ERR_DB_UNAVAILABLE if the disk does not give what was stored.
 */
export interface Reader {
  all<Row>(sql: string, ...parameters: readonly SqlValue[]): readonly Row[]
  get<Row>(sql: string, ...parameters: readonly SqlValue[]): Row | undefined
  /** Streams rows; the reader stays usable meanwhile. */
  iterate<Row>(sql: string, ...parameters: readonly SqlValue[]): IterableIterator<Row>
}
