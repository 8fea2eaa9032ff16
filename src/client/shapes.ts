import type * as administration from '../wire/administration.ts'
import type { AuditEventView, AuditVerification } from '../wire/audit.ts'
import type { Created } from '../wire/shapes.ts'
import type * as requests from '../wire/signing-requests.ts'
import { shape } from './rest.ts'

/** What a usable `SubmittedSigningRequest` has. */
export const SUBMITTED_SIGNING_REQUEST = shape<requests.SubmittedSigningRequest>(
  'signingRequestId',
  'status',
  'isFinalStatus',
  'webLink',
)
/** What a usable `SubmittedPayload` has. */
export const SUBMITTED_PAYLOAD = shape<requests.SubmittedPayload>(
  'signingRequestId',
  'status',
  'isFinalStatus',
  'signatures',
)
/** What a usable `SignedHash` has. */
export const SIGNED_HASH = shape<requests.SignedHash>('signingRequestId', 'hashSigningResult')
/** What a usable `SigningRequestView` has. */
export const SIGNING_REQUEST_VIEW = shape<requests.SigningRequestView>(
  'id',
  'status',
  'isFinalStatus',
  'images',
  'signatures',
  'approvals',
)
/** What a usable `SigningRequestStatus` has. */
export const SIGNING_REQUEST_STATUS = shape<requests.SigningRequestStatus>(
  'signingRequestId',
  'status',
  'isFinalStatus',
)
/** What a usable `OrganizationView` has. */
export const ORGANIZATION_VIEW = shape<administration.OrganizationView>('id', 'name')
/** What a usable `CreatedOrganization` has. */
export const CREATED_ORGANIZATION = shape<administration.CreatedOrganization>(
  'organizationId',
  'administratorId',
  'apiToken',
)
/** What a usable `UserView` has. */
export const USER_VIEW = shape<administration.UserView>('id', 'name', 'userType', 'roles')
/** What a usable `Created` has. */
export const CREATED = shape<Created>('id')
/** What a usable `CreatedApiToken` has. */
export const CREATED_API_TOKEN = shape<administration.CreatedApiToken>(
  'id',
  'apiToken',
  'expiresAt',
)
/** What a usable `ApiTokenView` has. */
export const API_TOKEN_VIEW = shape<administration.ApiTokenView>('id', 'createdAt')
/** What a usable `GroupView` has. */
export const GROUP_VIEW = shape<administration.GroupView>('id', 'name', 'roles', 'members')
/** What a usable `ProjectView` has. */
export const PROJECT_VIEW = shape<administration.ProjectView>('id', 'slug', 'name')
/** What a usable `ArtifactConfigurationView` has. */
export const ARTIFACT_CONFIGURATION_VIEW = shape<administration.ArtifactConfigurationView>(
  'id',
  'slug',
  'name',
  'xml',
)
/** What a usable `SigningPolicyView` has. */
export const SIGNING_POLICY_VIEW = shape<administration.SigningPolicyView>(
  'id',
  'slug',
  'certificateSlug',
  'submitters',
  'approvers',
)
/** What a usable `CertificateView` has. */
export const CERTIFICATE_VIEW = shape<administration.CertificateView>('id', 'slug', 'algorithm')
/** What a usable `AuditVerification` has. */
export const AUDIT_VERIFICATION = shape<AuditVerification>('isIntact', 'events', 'headHash')
/** What a usable `AuditEventView` has. */
export const AUDIT_EVENT_VIEW = shape<AuditEventView>('number', 'type', 'at', 'metadata', 'hash')
/** What a usable `SigningRequestPage` has. */
export const SIGNING_REQUEST_PAGE = shape<requests.SigningRequestPage>('signingRequests', 'next')
/** What a usable page of audit events has. */
export const AUDIT_EVENT_PAGE = shape<{ events: unknown; next: number | null }>('events', 'next')
