import type { Route } from '../route.ts'
import { ARTIFACT_CONFIGURATION_ROUTES } from './artifact-configurations.ts'
import { AUDIT_EVENT_ROUTES } from './audit-events.ts'
import { CERTIFICATE_ROUTES } from './certificates.ts'
import { GROUP_ROUTES } from './groups.ts'
import { HASH_SIGNING_ROUTES } from './hash-signing.ts'
import { OPERATIONS_ROUTES } from './operations.ts'
import { ORGANIZATION_ROUTES } from './organizations.ts'
import { PROJECT_ROUTES } from './projects.ts'
import { SIGNING_POLICY_ROUTES } from './signing-policies.ts'
import { SIGNING_REQUEST_ROUTES } from './signing-requests.ts'
import { SUBMISSION_ROUTES } from './submissions.ts'
import { TRUSTED_BUILD_SYSTEM_ROUTES } from './trusted-build-systems.ts'
import { USER_ROUTES } from './users.ts'

/** Every route of the server. */
export const ROUTES: readonly Route[] = [
  ...SUBMISSION_ROUTES,
  ...HASH_SIGNING_ROUTES,
  ...SIGNING_REQUEST_ROUTES,
  ...ORGANIZATION_ROUTES,
  ...USER_ROUTES,
  ...GROUP_ROUTES,
  ...PROJECT_ROUTES,
  ...ARTIFACT_CONFIGURATION_ROUTES,
  ...SIGNING_POLICY_ROUTES,
  ...CERTIFICATE_ROUTES,
  ...TRUSTED_BUILD_SYSTEM_ROUTES,
  ...AUDIT_EVENT_ROUTES,
  ...OPERATIONS_ROUTES,
]
