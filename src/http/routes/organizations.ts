import {
  CreatedOrganization,
  CreateOrganization,
  EditOrganization,
  OrganizationView,
} from '../../wire/administration.ts'
import { json, NO_CONTENT } from '../answer.ts'
import { jsonBody, NO_BODY } from '../body.ts'
import { instanceRoute, route, type Route } from '../route.ts'

const tag = 'Organization'

/** The tenant itself. */
export const ORGANIZATION_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: 'Organization',
    operationId: 'GetOrganization',
    tag,
    summary: 'The organization of the token',
    permission: 'every user',
    body: NO_BODY,
    answer: json(OrganizationView),
    handle: ({ services }, { caller }) => services.administration.getOrganization(caller),
  }),
  route({
    method: 'POST',
    path: 'Organization/Edit',
    operationId: 'EditOrganization',
    tag,
    summary: 'Renames the organization or changes its artifact retention',
    permission: 'Global Administrators',
    body: jsonBody(EditOrganization),
    answer: NO_CONTENT,
    handle: ({ services }, { caller, body }) =>
      services.administration.editOrganization(caller, body),
  }),
  instanceRoute({
    method: 'POST',
    path: '/Api/v1-pre/Organizations',
    operationId: 'CreateOrganization',
    tag,
    summary: 'Creates a tenant with its first administrator; the token is shown this once',
    permission: "Global Administrators of the instance's first organization",
    body: jsonBody(CreateOrganization),
    answer: json(CreatedOrganization, 'created', 201),
    handle: ({ services }, { caller, body }) =>
      services.administration.createOrganization(caller, body),
  }),
]
