import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogObject, Group, User } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { isUsable, type ApiToken, type ApiTokens } from '../identity/api-tokens.ts'

/** Users, groups and tokens as they are to become; whatever else is among the objects does not matter. */
export interface Outcome {
  readonly objects: readonly CatalogObject[]
  readonly tokens: readonly ApiToken[]
}

/**
 * Lets a change pass only if it leaves every organization it touches somebody to administer it: an active user with
 * the role Global Administrator, its own or an active group's, who holds a usable token.
 *
 * @throws ChanceryError ERR_ADMINISTRATION_LAST_ADMINISTRATOR if there was one before and would be none after.
 */
export function requireAdministrator(
  catalog: Catalog,
  tokens: ApiTokens,
  outcome: Outcome,
  now: number,
): void {
  const touched = new Set([
    ...outcome.objects
      .filter(({ kind }) => kind === 'user' || kind === 'group')
      .map((object) => object.organizationId),
    ...outcome.tokens.map((token) => token.organizationId),
  ])
  const unchanged: Outcome = { objects: [], tokens: [] }
  for (const organizationId of touched) {
    const isTaken =
      hasAdministrator(catalog, tokens, organizationId, unchanged, now) &&
      !hasAdministrator(catalog, tokens, organizationId, outcome, now)
    if (!isTaken) continue
    throw new ChanceryError(
      'ERR_ADMINISTRATION_LAST_ADMINISTRATOR',
      'expected an active Global Administrator with a usable API token to remain, found none after this change',
      { hints: ['make somebody else Global Administrator and issue a token for them first'] },
    )
  }
}

function hasAdministrator(
  catalog: Catalog,
  tokens: ApiTokens,
  organizationId: string,
  outcome: Outcome,
  now: number,
): boolean {
  const users = afterwards(catalog.list('user', organizationId), organizationId, outcome.objects)
  const groups = afterwards(catalog.list('group', organizationId), organizationId, outcome.objects)
  return users.some(
    (user) =>
      user.kind === 'user' &&
      isAdministrator(user, groups) &&
      hasUsableToken(tokens, outcome.tokens, user.id, now),
  )
}

function afterwards(
  present: readonly (User | Group)[],
  organizationId: string,
  changed: readonly CatalogObject[],
): readonly CatalogObject[] {
  const ids = new Set(changed.map((object) => object.id))
  return [
    ...present.filter((object) => !ids.has(object.id)),
    ...changed.filter((object) => object.organizationId === organizationId),
  ]
}

function isAdministrator(user: User, groups: readonly CatalogObject[]): boolean {
  if (!user.isActive) return false
  return (
    user.roles.includes('GlobalAdministrator') ||
    groups.some(
      (group) =>
        group.kind === 'group' &&
        group.isActive &&
        group.roles.includes('GlobalAdministrator') &&
        group.members.includes(user.id),
    )
  )
}

function hasUsableToken(
  tokens: ApiTokens,
  changed: readonly ApiToken[],
  userId: string,
  now: number,
): boolean {
  const ids = new Set(changed.map((token) => token.id))
  return [
    ...tokens.listOf(userId).filter((token) => !ids.has(token.id)),
    ...changed.filter((token) => token.userId === userId),
  ].some((token) => isUsable(token, now))
}
