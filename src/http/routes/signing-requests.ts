import { Type } from 'typebox'
import type { Origin, SigningRequestRecord } from '../../signing/signing-service.ts'
import {
  DenySigningRequest,
  SigningRequestPage,
  SigningRequestQuery,
  SigningRequestStatus,
  SigningRequestView,
} from '../../wire/signing-requests.ts'
import { FILE, json } from '../answer.ts'
import { EMPTY_BODY, looseBody, NO_BODY } from '../body.ts'
import { identifier } from '../identifier.ts'
import type { Links } from '../links.ts'
import { route, type Route } from '../route.ts'

const tag = 'Signing requests'
const readers = 'the submitter, submitters and approvers of the policy, who may read the project'
const approvers = 'approvers of the signing policy'
const one = 'SigningRequests/{id}'

function idOf({ id }: { readonly id: string }): string {
  return identifier(id, 'signingRequestId')
}

/** The record with its links: always absolute; that of the signed artifact is there before the artifact is. */
function viewOf(record: SigningRequestRecord, links: Links): SigningRequestView {
  const { origin, hasUnsignedArtifact, areArtifactsDeleted, ...view } = record
  const base = links.signingRequest(record.id)
  return {
    ...view,
    ...(hasUnsignedArtifact && !areArtifactsDeleted
      ? { unsignedArtifactLink: `${base}/UnsignedArtifact` }
      : {}),
    ...(areArtifactsDeleted ? {} : { signedArtifactLink: `${base}/SignedArtifact` }),
    webLink: links.web(record.id),
    ...(origin === null ? {} : { origin: originOf(origin, base) }),
  }
}

function originOf(origin: Origin, base: string): NonNullable<SigningRequestView['origin']> {
  const { buildUrl, buildSettingsFile, repositoryUrl, branchName, commitId } = origin
  const { sourceControlManagementType } = origin
  return {
    buildData: {
      ...(buildUrl === undefined ? {} : { url: buildUrl }),
      ...(buildSettingsFile === undefined
        ? {}
        : {
            buildSettingsFile: {
              downloadLink: `${base}/BuildSettingsFile`,
              fileName: buildSettingsFile.fileName,
            },
          }),
    },
    repositoryData: {
      ...(repositoryUrl === undefined ? {} : { url: repositoryUrl }),
      ...(branchName === undefined ? {} : { branchName }),
      ...(commitId === undefined ? {} : { commitId }),
      ...(sourceControlManagementType === undefined ? {} : { sourceControlManagementType }),
    },
  }
}

const reading: readonly Route[] = [
  route({
    method: 'GET',
    path: 'SigningRequests',
    preview: 'also',
    operationId: 'ListSigningRequests',
    tag,
    summary: 'The signing requests the caller may read, newest first',
    permission: 'every user',
    query: SigningRequestQuery,
    body: NO_BODY,
    answer: json(SigningRequestPage),
    handle: async ({ services }, { caller, query, links }) => {
      const { signingRequests, next } = await services.signing.list(caller, query)
      return { signingRequests: signingRequests.map((record) => viewOf(record, links)), next }
    },
  }),
  route({
    method: 'GET',
    path: one,
    preview: 'also',
    operationId: 'GetSigningRequest',
    tag,
    summary: 'One signing request',
    permission: readers,
    body: NO_BODY,
    answer: json(SigningRequestView),
    handle: ({ services }, { caller, params, links }) =>
      viewOf(services.signing.get(caller, idOf(params)), links),
  }),
  route({
    method: 'GET',
    path: `${one}/Status`,
    preview: 'also',
    operationId: 'GetSigningRequestStatus',
    tag,
    summary: 'The state of a signing request, for polling',
    permission: readers,
    body: NO_BODY,
    answer: json(SigningRequestStatus),
    handle: ({ services }, { caller, params }) => services.signing.getStatus(caller, idOf(params)),
  }),
]

const downloads: readonly Route[] = [
  route({
    method: 'GET',
    path: `${one}/SignedArtifact`,
    preview: 'also',
    operationId: 'DownloadSignedArtifact',
    tag,
    summary: 'What signing made; 400 before the request is completed',
    permission: readers,
    body: NO_BODY,
    answer: FILE,
    handle: ({ services }, { caller, params }) =>
      services.signing.downloadSignedArtifact(caller, idOf(params)),
  }),
  route({
    method: 'GET',
    path: `${one}/UnsignedArtifact`,
    preview: 'also',
    operationId: 'DownloadUnsignedArtifact',
    tag,
    summary: 'The file that was submitted',
    permission: readers,
    body: NO_BODY,
    answer: FILE,
    handle: ({ services }, { caller, params }) =>
      services.signing.downloadUnsignedArtifact(caller, idOf(params)),
  }),
  route({
    method: 'GET',
    path: `${one}/BuildSettingsFile`,
    preview: 'also',
    operationId: 'DownloadBuildSettingsFile',
    tag,
    summary: 'The build settings of the origin',
    permission: readers,
    body: NO_BODY,
    answer: FILE,
    handle: ({ services }, { caller, params }) =>
      services.signing.downloadBuildSettingsFile(caller, idOf(params)),
  }),
  route({
    method: 'GET',
    path: `${one}/X509Certificate`,
    preview: 'also',
    operationId: 'DownloadSigningRequestX509Certificate',
    tag,
    summary: 'The X.509 certificate a request was or will be signed with, DER',
    permission: readers,
    body: NO_BODY,
    answer: FILE,
    handle: ({ services }, { caller, params }) =>
      services.signing.downloadX509Certificate(caller, idOf(params)),
  }),
]

const Reason = Type.Object(DenySigningRequest.properties)

const deciding: readonly Route[] = [
  ...(['Approve', 'Deny'] as const).map((decision) =>
    route({
      method: 'POST',
      path: `${one}/${decision}`,
      preview: 'also',
      operationId: `${decision}SigningRequest`,
      tag,
      summary:
        decision === 'Approve'
          ? 'Agrees; the request is signed once enough approvers have'
          : 'Refuses; one denial ends the request',
      permission: approvers,
      body: looseBody(Reason, true),
      answer: json(SigningRequestStatus),
      handle: ({ services: { signing } }, { caller, params, body: { reason } }) =>
        decision === 'Approve'
          ? signing.approve(caller, idOf(params), reason)
          : signing.deny(caller, idOf(params), reason),
    }),
  ),
  route({
    method: 'POST',
    path: `${one}/Cancel`,
    preview: 'also',
    operationId: 'CancelSigningRequest',
    tag,
    summary: 'Withdraws a request that is not finished',
    permission: 'the submitter of the request, Global and Project Administrators',
    body: EMPTY_BODY,
    answer: json(SigningRequestStatus),
    handle: ({ services }, { caller, params }) => services.signing.cancel(caller, idOf(params)),
  }),
]

/** Signing requests, once they exist. */
export const SIGNING_REQUEST_ROUTES: readonly Route[] = [...reading, ...downloads, ...deciding]
