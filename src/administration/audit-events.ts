import type { CatalogKind, CatalogObject } from '../catalog/objects.ts'
import type { AuditEvent } from '../db/ledger.ts'
import type { ApiToken } from '../identity/api-tokens.ts'
import { fingerprintToken } from '../identity/secret-token.ts'
import type { Caller } from '../policy/caller.ts'

/** Who made a change, from where, and when. */
export type Trace = Pick<AuditEvent, 'at' | 'actorId' | 'address' | 'requestId'>

/** What was done to an object; the second half of its audit event's type. */
export type Deed =
  | 'Created'
  | 'Edited'
  | 'Activated'
  | 'Deactivated'
  | 'MembersChanged'
  | 'DefaultArtifactConfigurationChanged'
  | 'XmlEdited'
  | 'X509CertificateUploaded'
  | 'Imported'
  | 'CustomAdded'
  | 'TokenRegenerated'

/** A new token, or one that is revoked. */
export interface TokenChange {
  readonly after: ApiToken
  readonly deed: 'Created' | 'Revoked'
}

const OBJECT_NAMES: Readonly<Record<CatalogKind, string>> = {
  organization: 'Organization',
  user: 'User',
  group: 'UserGroup',
  project: 'Project',
  'artifact-configuration': 'ArtifactConfiguration',
  'signing-policy': 'SigningPolicy',
  certificate: 'Certificate',
  'trusted-build-system': 'TrustedBuildSystem',
}

/** The trace of a caller's change. @param at Milliseconds since 1970. */
export function traceOf(caller: Caller, at: number): Trace {
  return {
    at,
    actorId: caller.principal.userId,
    address: caller.address,
    requestId: caller.requestId,
  }
}

/** The audit event of a configured object: both versions, without the hashes of tokens. */
export function objectEvent(
  trace: Trace,
  deed: Deed,
  before: CatalogObject | undefined,
  after: CatalogObject,
): AuditEvent {
  return {
    ...trace,
    organizationId: after.organizationId,
    type: `${OBJECT_NAMES[after.kind]}.${deed}`,
    objectId: after.id,
    data: {
      before: before === undefined ? null : withoutSecrets(before),
      after: withoutSecrets(after),
    },
  }
}

/** The audit event of an API token: its id, whose it is and its fingerprint, never the token or its hash. */
export function tokenEvent(trace: Trace, { after, deed }: TokenChange): AuditEvent {
  const { id, organizationId, userId, hash, description, createdAt, expiresAt, revokedAt } = after
  return {
    ...trace,
    organizationId,
    type: `ApiToken.${deed}`,
    objectId: id,
    data: {
      userId,
      description,
      createdAt,
      expiresAt,
      revokedAt,
      fingerprint: fingerprintToken(hash),
    },
  }
}

/** The members of a configured object that the audit log may have: a fingerprint in place of the hash of a token. */
export function withoutSecrets(object: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) =>
      name === 'tokenHash' && typeof value === 'string'
        ? ['tokenFingerprint', fingerprintToken(value)]
        : [name, value as unknown],
    ),
  )
}
