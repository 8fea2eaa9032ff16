import type { RepositoryName } from './origins.ts'

/** What a registry knows a user by. */
export type RegistryCredentials =
  /** A user name and a password, or a personal access token in its place. */
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth 2 refresh token, which the registry's token service exchanges for access tokens. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token that is sent to the registry as it is. */
  | { readonly kind: 'bearer-token'; readonly token: string }

/** Finds the credentials for one repository; undefined means anonymous. Called once for a registry and scope. */
export type FindCredentials = (
  repository: RepositoryName,
) => RegistryCredentials | undefined | Promise<RegistryCredentials | undefined>
