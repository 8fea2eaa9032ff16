import type { User } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { type ApiToken } from '../identity/api-tokens.ts'
import { createToken } from '../identity/secret-token.ts'
import { mayAdministerUsers, requirePermission } from '../policy/permission.ts'
import type { Principal } from '../policy/principal.ts'
import type { ApiTokenView, CreatedApiToken } from '../wire/administration.ts'
import type { Administration } from './administration.ts'
import { badValue, requireInstant, requireText } from './configuration-value.ts'
import type { TokenChange } from './audit-events.ts'
import { getUser, missing } from './find-object.ts'
import { effectiveRoles, requireNoMoreRights, requireRoles } from './own-rights.ts'
import type { Services } from './services.ts'

/** The part of {@link Administration} about users' API tokens. */
export type TokenAdministration = Pick<
  Administration,
  'regenerateApiToken' | 'createApiToken' | 'listApiTokens' | 'revokeApiToken'
>

/** What is asked of a new token. */
interface TokenWish {
  readonly description: string
  readonly expiresAt: number | null
}

/**
 * A new API token for a user, and what its owner is told.
 *
 * @param at Milliseconds since 1970.
 */
export function newApiToken(
  user: User,
  wish: TokenWish,
  at: number,
): { readonly change: TokenChange; readonly told: CreatedApiToken } {
  const { token, hash } = createToken()
  const after: ApiToken = {
    id: randomGuid(at),
    organizationId: user.organizationId,
    userId: user.id,
    hash,
    description: wish.description,
    createdAt: at,
    expiresAt: wish.expiresAt,
    revokedAt: null,
  }
  return {
    change: { after, deed: 'Created' },
    told: { id: after.id, apiToken: token, expiresAt: instant(wish.expiresAt) },
  }
}

/** API tokens; they are shown when they are made and never again. */
export function createTokenAdministration(services: Services): TokenAdministration {
  const { catalog, tokens, changes } = services
  return {
    createApiToken: (caller, userId, create) =>
      changes.run(caller, (principal, at) => {
        const user = getIssuable(services, principal, userId)
        const wish = {
          description: requireText(create.description ?? '', 'description'),
          expiresAt: readExpiry(create.expiresAt ?? null, at),
        }
        const { change, told } = newApiToken(
          user,
          { ...wish, expiresAt: boundExpiry(services, principal, user, wish.expiresAt) },
          at,
        )
        return { tokens: [change], result: told }
      }),

    regenerateApiToken: (caller, userId) =>
      changes.run(caller, (principal, at) => {
        const user = getIssuable(services, principal, userId)
        const expiresAt = boundExpiry(services, principal, user, null)
        const { change, told } = newApiToken(user, { description: '', expiresAt }, at)
        const revoked = tokens
          .listOf(user.id)
          .filter((token) => token.revokedAt === null)
          .map((token): TokenChange => ({ after: { ...token, revokedAt: at }, deed: 'Revoked' }))
        return { tokens: [change, ...revoked], result: told }
      }),

    listApiTokens({ principal }, userId) {
      const isOwn = isSelf(services, principal, userId)
      requirePermission(
        isOwn || mayAdministerUsers(principal) || principal.roles.has('GlobalReader'),
        "user administrator, or global reader, of the organization for other users' tokens",
      )
      const user = getUser(catalog, principal, userId)
      return tokens.listOf(user.id).map((token) => viewToken(token, tokens.lastUsedAt(token.id)))
    },

    revokeApiToken: (caller, userId, tokenId) =>
      changes.run(caller, (principal, at) => {
        const isOwn = isSelf(services, principal, userId)
        requirePermission(
          isOwn || mayAdministerUsers(principal),
          "user administrator of the organization for other users' tokens",
        )
        const user = getUser(catalog, principal, userId)
        requireRoles(principal, effectiveRoles(catalog, user))
        const token = tokens.find(user.id, tokenId.toLowerCase())
        if (token === undefined) throw missing(principal, 'API token', tokenId)
        const revoked: ApiToken = { ...token, revokedAt: at }
        return {
          tokens: token.revokedAt === null ? [{ after: revoked, deed: 'Revoked' }] : [],
          result: undefined,
        }
      }),
  }
}

function isSelf({ catalog }: Services, principal: Principal, userId: string): boolean {
  return catalog.findUser(principal.organizationId, userId)?.id === principal.userId
}

/** People issue their own tokens; machines get theirs from an administrator. */
function getIssuable(services: Services, principal: Principal, userId: string): User {
  const isOwn = principal.userType === 'interactive' && isSelf(services, principal, userId)
  requirePermission(
    isOwn || mayAdministerUsers(principal),
    'user administrator of the organization; interactive users issue their own tokens too',
  )
  const user = getUser(services.catalog, principal, userId)
  requireNoMoreRights(services.catalog, principal, user)
  if (!user.isActive) {
    throw new ChanceryError(
      'ERR_ADMINISTRATION_INACTIVE',
      `expected an active user, found '${user.name}', who is inactive`,
      { hints: ['activate the user first'] },
    )
  }
  return user
}

function readExpiry(expiresAt: string | null, now: number): number | null {
  if (expiresAt === null) return null
  const at = requireInstant(expiresAt, 'expiresAt')
  if (at <= now) throw badValue('expiresAt', 'expected an expiry in the future')
  return at
}

/** A token that its user issues by means of another does not outlive that other one. */
function boundExpiry(
  { tokens }: Services,
  principal: Principal,
  user: User,
  expiresAt: number | null,
): number | null {
  if (user.id !== principal.userId) return expiresAt
  const bound = tokens.find(principal.userId, principal.tokenId)?.expiresAt ?? null
  if (bound === null) return expiresAt
  return expiresAt === null ? bound : Math.min(expiresAt, bound)
}

function viewToken(token: ApiToken, lastUsedAt: number | null): ApiTokenView {
  return {
    id: token.id,
    description: token.description,
    createdAt: new Date(token.createdAt).toISOString(),
    expiresAt: instant(token.expiresAt),
    revokedAt: instant(token.revokedAt),
    lastUsedAt: instant(lastUsedAt),
  }
}

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
