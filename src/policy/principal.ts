/** The global roles, by SignPath's names. `SupportUser` is not among them: nobody but the organization administers it. */
export const ROLES = [
  'GlobalAdministrator',
  'CertificateAdministrator',
  'UserAdministrator',
  'ProjectAdministrator',
  'GlobalReader',
  'RegularUser',
  'DirectorySynchronizer',
] as const

/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number]

/** On whose behalf something is done: proven by a credential, never taken from a request's body. */
export interface Principal {
  readonly organizationId: string
  readonly userId: string
  readonly userName: string
  readonly userType: 'interactive' | 'ci'
  /** The token the call was made with. */
  readonly tokenId: string
  /** The user's own roles and those of its groups. */
  readonly roles: ReadonlySet<Role>
  /** The groups the user is an active member of. */
  readonly groupIds: ReadonlySet<string>
  /** Set where the call also carried a valid trusted build system token. */
  readonly trustedBuildSystemId?: string
}

/** Users and groups that hold a right on an object; ids, without duplicates. */
export interface Assignees {
  readonly users: readonly string[]
  readonly groups: readonly string[]
}
