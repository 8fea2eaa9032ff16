import type { Catalog } from '../catalog/catalog.ts'
import type { ApiTokens } from '../identity/api-tokens.ts'
import type { SoftwareKeyStore } from '../keys/software-key-store.ts'
import type { Changes } from './changes.ts'

/** What the parts of the administration work with. */
export interface Services {
  readonly catalog: Catalog
  readonly tokens: ApiTokens
  readonly changes: Changes
  readonly keyStore: SoftwareKeyStore
  /** The time, in milliseconds since 1970. */
  readonly now: () => number
}
