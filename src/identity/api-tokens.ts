import type { Ledger, Reader, Statement } from '../db/ledger.ts'
import { decodeHex, encodeHex } from '../format/hex.ts'

/** A stored API token: everything but the token. Times are milliseconds since 1970. */
export interface ApiToken {
  readonly id: string
  readonly organizationId: string
  readonly userId: string
  /** Lower-case hex SHA-256 of the token. */
  readonly hash: string
  readonly description: string
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
}

interface TokenRow {
  readonly id: string
  readonly organization_id: string
  readonly user_id: string
  readonly hash: Uint8Array
  readonly description: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
}

interface Use {
  lastUsedAt: number
  storedAt: number
}

/** How far the stored time of a token's last use may lie behind. */
const STORE_USE_EVERY_MS = 60_000

const SELECT =
  'SELECT id, organization_id, user_id, hash, description, created_at, expires_at, revoked_at, last_used_at FROM api_tokens ORDER BY id'
const INSERT =
  'INSERT INTO api_tokens (id, organization_id, user_id, hash, description, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)'
const REVOKE = 'UPDATE api_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL'
const STORE_USE = 'UPDATE api_tokens SET last_used_at = ? WHERE id = ?'

/**
 * Every API token, in memory, found by hash in constant time.
 *
 * A change is three steps: `stageX`, commit the statement with its audit event, `accept` the token.
 */
export class ApiTokens {
  readonly #byHash = new Map<string, ApiToken>()
  readonly #byUser = new Map<string, Map<string, ApiToken>>()
  readonly #uses = new Map<string, Use>()
  readonly #unstored = new Set<string>()

  private constructor() {
    // Only load() makes one.
  }

  static load(reader: Reader): ApiTokens {
    const tokens = new ApiTokens()
    for (const row of reader.iterate<TokenRow>(SELECT)) {
      tokens.accept({
        id: row.id,
        organizationId: row.organization_id,
        userId: row.user_id,
        hash: encodeHex(row.hash),
        description: row.description,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
        revokedAt: row.revoked_at,
      })
      const lastUsedAt = row.last_used_at
      if (lastUsedAt !== null) tokens.#uses.set(row.id, { lastUsedAt, storedAt: lastUsedAt })
    }
    return tokens
  }

  /** Revoked and expired tokens are found too. */
  findByHash(hash: string): ApiToken | undefined {
    return this.#byHash.get(hash)
  }

  /** The user's tokens, oldest first. */
  listOf(userId: string): readonly ApiToken[] {
    return [...(this.#byUser.get(userId)?.values() ?? [])]
  }

  find(userId: string, tokenId: string): ApiToken | undefined {
    return this.#byUser.get(userId)?.get(tokenId)
  }

  /** When the token was last used, in milliseconds since 1970, or null. */
  lastUsedAt(tokenId: string): number | null {
    return this.#uses.get(tokenId)?.lastUsedAt ?? null
  }

  stageCreate(token: ApiToken): Statement {
    return {
      sql: INSERT,
      parameters: [
        token.id,
        token.organizationId,
        token.userId,
        decodeHex(token.hash),
        token.description,
        token.createdAt,
        token.expiresAt,
      ],
      expectChanges: 1,
    }
  }

  /** @param token As it is to become: with `revokedAt`. */
  stageRevoke(token: ApiToken): Statement {
    return { sql: REVOKE, parameters: [token.revokedAt, token.id], expectChanges: 1 }
  }

  /** Makes a committed token the present one. */
  accept(token: ApiToken): void {
    this.#byHash.set(token.hash, token)
    const ofUser = this.#byUser.get(token.userId) ?? new Map<string, ApiToken>()
    this.#byUser.set(token.userId, ofUser.set(token.id, token))
  }

  /** Remembers that the token was used, in memory. */
  noteUse(tokenId: string, at: number): void {
    const use = this.#uses.get(tokenId)
    if (use === undefined) {
      this.#uses.set(tokenId, { lastUsedAt: at, storedAt: 0 })
      this.#unstored.add(tokenId)
      return
    }
    use.lastUsedAt = at
    if (at - use.storedAt >= STORE_USE_EVERY_MS) this.#unstored.add(tokenId)
  }

  /**
   * Stores when tokens were last used: of each at most once a minute, however often it is called.
   * What cannot be stored now is stored by a later call.
   */
  async flushLastUsed(ledger: Ledger): Promise<void> {
    if (this.#unstored.size === 0) return
    const statements: Statement[] = []
    for (const tokenId of this.#unstored) {
      const use = this.#uses.get(tokenId)
      if (use === undefined) continue
      statements.push({ sql: STORE_USE, parameters: [use.lastUsedAt, tokenId] })
      use.storedAt = use.lastUsedAt
    }
    const flushed = [...this.#unstored]
    this.#unstored.clear()
    try {
      await ledger.note(statements)
    } catch (thrown) {
      for (const tokenId of flushed) this.#unstored.add(tokenId)
      throw thrown
    }
  }
}

/** Whether the token itself still opens the door; its user and organization have to be active too. */
export function isUsable(token: ApiToken, now: number): boolean {
  return token.revokedAt === null && (token.expiresAt === null || now < token.expiresAt)
}
