import type { Catalog } from '../catalog/catalog.ts'
import type { Organization, User } from '../catalog/objects.ts'
import { randomGuid } from '../crypto/random.ts'
import type { AuditEvent, Ledger } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { ApiTokens } from '../identity/api-tokens.ts'
import type { CreatedOrganization } from '../wire/administration.ts'
import { objectEvent, tokenEvent } from './audit-events.ts'
import { requireName } from './configuration-value.ts'
import { newApiToken } from './user-tokens.ts'

/** Artifacts are kept until an administrator says otherwise. */
const KEEP_ARTIFACTS = 0

/** A new organization with its first administrator and that administrator's token. */
export interface NewOrganization {
  readonly organization: Organization
  readonly administrator: User
  readonly token: ReturnType<typeof newApiToken>
}

/**
 * Makes an organization with one CI user, `administrator`, as SignPath does it: Global Administrator by API token.
 *
 * @param at Milliseconds since 1970.
 * @throws ChanceryError ERR_ADMINISTRATION_VALUE if the name is not one.
 */
export function newOrganization(name: string, at: number): NewOrganization {
  const organizationId = randomGuid(at)
  const organization: Organization = {
    id: organizationId,
    organizationId,
    version: 1,
    isActive: true,
    kind: 'organization',
    name: requireName(name),
    artifactRetentionDays: KEEP_ARTIFACTS,
  }
  const administrator: User = {
    id: randomGuid(at),
    organizationId,
    version: 1,
    isActive: true,
    kind: 'user',
    userType: 'ci',
    name: 'administrator',
    emailAddress: null,
    roles: ['GlobalAdministrator'],
  }
  const wish = { description: 'made with the organization', expiresAt: null }
  return { organization, administrator, token: newApiToken(administrator, wish, at) }
}

/** What whoever asked for an organization is told, once. */
export function tellOrganization({
  organization,
  administrator,
  token,
}: NewOrganization): CreatedOrganization {
  return {
    organizationId: organization.id,
    administratorId: administrator.id,
    apiToken: token.told.apiToken,
  }
}

/** What founding an authority takes. */
export interface FoundOptions {
  readonly ledger: Ledger
  readonly catalog: Catalog
  readonly tokens: ApiTokens
  readonly organizationName: string
  /** The time, in milliseconds since 1970. */
  readonly now: number
}

/**
 * Makes the first organization of a new authority and its administrator; the token is returned this once.
 *
 * @throws ChanceryError ERR_ADMINISTRATION_FOUNDED if there is an organization already.
 * @throws ChanceryError ERR_ADMINISTRATION_VALUE if the name is not one.
 */
export async function foundAuthority(options: FoundOptions): Promise<CreatedOrganization> {
  const { catalog, ledger, tokens, now } = options
  if (catalog.listOrganizations().length > 0) {
    throw new ChanceryError(
      'ERR_ADMINISTRATION_FOUNDED',
      'expected a store without an organization, found one',
      { hints: ['Global Administrators of the first organization create further ones'] },
    )
  }
  const made = newOrganization(options.organizationName, now)
  const objects = [made.organization, made.administrator]
  const token = made.token.change.after
  const trace = { at: now, actorId: null, address: null, requestId: null }
  const events: AuditEvent[] = [
    ...objects.map((object) => objectEvent(trace, 'Created', undefined, object)),
    tokenEvent(trace, made.token.change),
  ]
  const statements = [...catalog.stage(objects, null, now), tokens.stageCreate(token)]
  await ledger.commit({ statements, events })
  catalog.accept(objects)
  tokens.accept(token)
  return tellOrganization(made)
}
