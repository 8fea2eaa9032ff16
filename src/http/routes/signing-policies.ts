import { Type } from 'typebox'
import {
  CertificateView,
  CreateSigningPolicy,
  EditSigningPolicy,
  SigningPolicyView,
} from '../../wire/administration.ts'
import { Created } from '../../wire/shapes.ts'
import { created, FILE, json, NO_CONTENT } from '../answer.ts'
import { EMPTY_BODY, jsonBody, NO_BODY } from '../body.ts'
import { route, type Route } from '../route.ts'
import { certificateFile } from './certificates.ts'

const tag = 'Signing policies'
const readers = 'every user'
const administrators = 'Global and Project Administrators'
const collection = 'Projects/{project}/SigningPolicies'
const one = `${collection}/{signingPolicy}` as const

/** Who may have what signed with which certificate; `{signingPolicy}` is a slug. */
export const SIGNING_POLICY_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: collection,
    operationId: 'ListSigningPolicies',
    tag,
    summary: 'The signing policies of a project',
    permission: readers,
    body: NO_BODY,
    answer: json(Type.Object({ signingPolicies: Type.Array(SigningPolicyView) })),
    handle: ({ services }, { caller, params }) => ({
      signingPolicies: [...services.administration.listSigningPolicies(caller, params.project)],
    }),
  }),
  route({
    method: 'POST',
    path: collection,
    operationId: 'CreateSigningPolicy',
    tag,
    summary: 'Creates a signing policy',
    permission: administrators,
    body: jsonBody(CreateSigningPolicy),
    answer: created(Created, 'Projects/{project}/SigningPolicies/{id}'),
    handle: ({ services }, { caller, params, body }) =>
      services.administration.createSigningPolicy(caller, params.project, body),
  }),
  route({
    method: 'GET',
    path: one,
    operationId: 'GetSigningPolicy',
    tag,
    summary: 'One signing policy',
    permission: readers,
    body: NO_BODY,
    answer: json(SigningPolicyView),
    handle: ({ services }, { caller, params }) =>
      services.administration.getSigningPolicy(caller, params.project, params.signingPolicy),
  }),
  ...(['EditSigningPolicy', 'ChangeSigningPolicy'] as const).map((operationId) =>
    route({
      method: 'POST',
      path: operationId === 'EditSigningPolicy' ? `${one}/Edit` : one,
      operationId,
      tag,
      summary: 'Changes a signing policy; requests under way keep the version that decided them',
      permission: administrators,
      body: jsonBody(EditSigningPolicy),
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params, body }) =>
        services.administration.editSigningPolicy(
          caller,
          params.project,
          params.signingPolicy,
          body,
        ),
    }),
  ),
  ...([true, false] as const).map((isActive) =>
    route({
      method: 'POST',
      path: `${one}/${isActive ? 'Activate' : 'Deactivate'}`,
      operationId: `${isActive ? 'Activate' : 'Deactivate'}SigningPolicy`,
      tag,
      summary: isActive ? 'Takes submissions again' : 'Takes no more submissions',
      permission: administrators,
      body: EMPTY_BODY,
      answer: NO_CONTENT,
      handle: ({ services }, { caller, params }) =>
        services.administration.setSigningPolicyActive(
          caller,
          params.project,
          params.signingPolicy,
          isActive,
        ),
    }),
  ),
  route({
    method: 'GET',
    path: `${one}/Certificate`,
    operationId: 'GetSigningPolicyCertificate',
    tag,
    summary: 'The certificate of a signing policy',
    permission: readers,
    body: NO_BODY,
    answer: json(CertificateView),
    handle: ({ services }, { caller, params }) =>
      services.administration.getSigningPolicyCertificate(
        caller,
        params.project,
        params.signingPolicy,
      ),
  }),
  route({
    method: 'GET',
    path: `${one}/Certificate/X509Certificate`,
    preview: 'also',
    operationId: 'DownloadSigningPolicyX509Certificate',
    tag,
    summary: 'The X.509 certificate of a signing policy, DER',
    permission: readers,
    body: NO_BODY,
    answer: FILE,
    handle: ({ services: { administration } }, { caller, params }) => {
      const { id, slug } = administration.getSigningPolicyCertificate(
        caller,
        params.project,
        params.signingPolicy,
      )
      return certificateFile(slug, administration.downloadX509Certificate(caller, id))
    },
  }),
]
