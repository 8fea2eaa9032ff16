import type { Catalog } from '../catalog/catalog.ts'
import type { Ledger } from '../db/ledger.ts'
import type { ApiTokens } from '../identity/api-tokens.ts'
import type { SoftwareKeyStore } from '../keys/software-key-store.ts'
import type { Administration } from './administration.ts'
import { createArtifactConfigurationAdministration } from './artifact-configurations.ts'
import { createCertificateAdministration } from './certificates.ts'
import { Changes } from './changes.ts'
import { createGroupAdministration } from './groups.ts'
import { createOrganizationAdministration } from './organizations.ts'
import { createProjectAdministration } from './projects.ts'
import type { Services } from './services.ts'
import { createSigningPolicyAdministration } from './signing-policies.ts'
import { createTrustedBuildSystemAdministration } from './trusted-build-systems.ts'
import { createTokenAdministration } from './user-tokens.ts'
import { createUserAdministration } from './users.ts'

/** What the administration is made of. */
export interface AdministrationOptions {
  readonly catalog: Catalog
  readonly tokens: ApiTokens
  readonly ledger: Ledger
  readonly keyStore: SoftwareKeyStore
  /** The time, in milliseconds since 1970. */
  readonly now: () => number
}

/** The {@link Administration} over a store; one per store, as it orders the changes. */
export function createAdministration(options: AdministrationOptions): Administration {
  const { catalog, tokens, keyStore, now } = options
  const services: Services = { catalog, tokens, keyStore, now, changes: new Changes(options) }
  return {
    ...createOrganizationAdministration(services),
    ...createUserAdministration(services),
    ...createTokenAdministration(services),
    ...createGroupAdministration(services),
    ...createProjectAdministration(services),
    ...createArtifactConfigurationAdministration(services),
    ...createSigningPolicyAdministration(services),
    ...createCertificateAdministration(services),
    ...createTrustedBuildSystemAdministration(services),
  }
}
