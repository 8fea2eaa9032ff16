import { Type } from 'typebox'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { encodeBase64, decodeBase64 } from '../../format/base64.ts'
import { parseJson } from '../../format/json.ts'
import type { IncomingArtifact, Submitted } from '../../signing/signing-service.ts'
import { Guid, Slug } from '../../wire/shapes.ts'
import {
  SigningRequestStatus,
  SubmittedPayload,
  SubmittedSigningRequest,
  SubmitWithPayload,
} from '../../wire/signing-requests.ts'
import { created, json, type AnswerContract } from '../answer.ts'
import { jsonBinder } from '../binding.ts'
import { formBody, jsonBody, looseBody, RAW_BODY } from '../body.ts'
import { FILE_NAME_RULE, isFileName } from '../file-name.ts'
import type { BoundForm } from '../form.ts'
import { HashSigningData, hashOfFastSigning } from '../hash-signing-data.ts'
import { identifier } from '../identifier.ts'
import type { Links } from '../links.ts'
import { route, type Call, type Environment, type Route } from '../route.ts'
import {
  BUILD_SETTINGS_FILE,
  present,
  SUBMISSION_FIELDS,
  submissionOf,
} from '../submission-form.ts'

const tag = 'Submit'
const submitters = 'submitters of the signing policy'

const ArtifactFields = Type.Object({
  ...SUBMISSION_FIELDS,
  isFastSigningRequest: Type.Optional(Type.Boolean()),
})
type ArtifactForm = BoundForm<Type.Static<typeof ArtifactFields>>

const AnnouncedFields = Type.Object({
  ...SUBMISSION_FIELDS,
  'unsignedArtifactMetadata.fileName': Type.String({ minLength: 1, maxLength: 260 }),
  'unsignedArtifactMetadata.sha256Hash': Type.String({
    pattern: '^[0-9A-Fa-f]{64}$',
    description: '64 hexadecimal digits',
  }),
})

const SignedHashSigningData = Type.Object({
  ...HashSigningData.properties,
  Signature: Type.String({ description: 'base64' }),
  SigningRequestId: Guid,
  WebLink: Type.String(),
})

const Resubmission = Type.Object({
  originalSigningRequestId: Guid,
  signingPolicySlug: Type.Optional(Slug),
  signingPolicyId: Type.Optional(Guid),
  description: Type.Optional(Type.String({ maxLength: 2000 })),
})

type Answer = Type.Static<typeof SubmittedSigningRequest>

const location = 'SigningRequests/{signingRequestId}'

const SUBMITTED = created(SubmittedSigningRequest, location)
const FAST_SIGNED = created(SignedHashSigningData, 'SigningRequests/{SigningRequestId}', 200)

/** 201 and the request, or 200 and the signed JSON where the form asks for a fast request. */
const SUBMITTED_OR_SIGNED: AnswerContract<Answer | Type.Static<typeof SignedHashSigningData>> = {
  ...SUBMITTED,
  description: `${SUBMITTED.description}; with isFastSigningRequest=true the signed hash signing data, status 200`,
  send: (reply, result, links, params) =>
    'Signature' in result
      ? FAST_SIGNED.send(reply, result, links, params)
      : SUBMITTED.send(reply, result, links, params),
}

function answerOf({ metrics }: Environment, links: Links, submitted: Submitted): Answer {
  const { signingRequestId, status, workflowStatus, isFinalStatus, signatures } = submitted
  metrics.countSubmission(status, signatures.length)
  return {
    signingRequestId,
    status,
    workflowStatus,
    isFinalStatus,
    webLink: links.web(signingRequestId),
  }
}

function artifactOf({ files }: ArtifactForm): IncomingArtifact {
  const artifact = files.get('artifact')
  if (artifact === undefined) {
    throw new ChanceryError('ERR_HTTP_INVALID', 'expected a file part', { field: 'artifact' })
  }
  return { ...artifact, isEntry: false }
}

/** @throws ChanceryError ERR_HTTP_INVALID if it is no file name. */
function fileNameOf(text: string, field: string): string {
  if (isFileName(text)) return text
  throw new ChanceryError('ERR_HTTP_INVALID', `expected ${FILE_NAME_RULE}`, { field })
}

const bindHashSigningData = jsonBinder(HashSigningData)

async function signFast(
  { services, metrics }: Environment,
  { caller, links, idempotencyKey, body }: Call<unknown, unknown, ArtifactForm>,
): Promise<Type.Static<typeof SignedHashSigningData>> {
  const data = bindHashSigningData(
    parseJson(artifactOf(body).bytes, { maxBytes: MAX_PAYLOAD_BYTES }),
  )
  const submission = submissionOf(body, idempotencyKey)
  const { signingRequestId, signature } = await services.signing.signHash(
    caller,
    submission,
    hashOfFastSigning(data),
  )
  metrics.countSubmission('Completed', 1)
  return {
    ...data,
    Signature: encodeBase64(signature),
    SigningRequestId: signingRequestId,
    WebLink: links.web(signingRequestId),
  }
}

const withArtifact = (['SigningRequests/SubmitWithArtifact', 'SigningRequests'] as const).map(
  (path) =>
    route({
      method: 'POST',
      path,
      preview: 'also',
      operationId: path === 'SigningRequests' ? 'SubmitSigningRequest' : 'SubmitWithArtifact',
      tag,
      summary:
        path === 'SigningRequests'
          ? 'SubmitWithArtifact under its older address'
          : 'Submits a file to be examined and signed',
      permission: submitters,
      body: formBody({
        fields: ArtifactFields,
        files: { artifact: 'required', [BUILD_SETTINGS_FILE]: 'optional' },
        hasParameters: true,
      }),
      answer: SUBMITTED_OR_SIGNED,
      handle: async (environment, call) => {
        const { caller, body, links, idempotencyKey } = call
        if (body.fields.isFastSigningRequest === true) return signFast(environment, call)
        const submission = submissionOf(body, idempotencyKey)
        const { signing } = environment.services
        return answerOf(
          environment,
          links,
          await signing.submitWithArtifact(caller, submission, artifactOf(body)),
        )
      },
    }),
)

const inTwoSteps = [
  route({
    method: 'POST',
    path: 'SigningRequests/SubmitWithoutArtifact',
    operationId: 'SubmitWithoutArtifact',
    tag,
    summary: 'Announces a file; the answer says where its bytes go',
    permission: submitters,
    body: formBody({
      fields: AnnouncedFields,
      files: { [BUILD_SETTINGS_FILE]: 'optional' },
      hasParameters: true,
    }),
    answer: SUBMITTED,
    handle: async (environment, { caller, body, links, idempotencyKey }) => {
      const submitted = await environment.services.signing.submitWithoutArtifact(
        caller,
        submissionOf(body, idempotencyKey),
        {
          fileName: fileNameOf(
            body.fields['unsignedArtifactMetadata.fileName'],
            'unsignedArtifactMetadata.fileName',
          ),
          sha256Hash: body.fields['unsignedArtifactMetadata.sha256Hash'].toLowerCase(),
        },
      )
      const uploadLink = `${links.signingRequest(submitted.signingRequestId)}/UploadUnsignedArtifact`
      return { ...answerOf(environment, links, submitted), uploadLink }
    },
  }),
  route({
    method: 'POST',
    path: 'SigningRequests/{id}/UploadUnsignedArtifact',
    operationId: 'UploadUnsignedArtifact',
    tag,
    summary: 'The bytes of an announced file, as they are',
    permission: 'the submitter of the request',
    body: RAW_BODY,
    answer: json(SigningRequestStatus, 'accepted', 202),
    handle: async ({ services }, { caller, params, body }) => {
      const id = identifier(params.id, 'signingRequestId')
      const { signingRequestId, status, workflowStatus, isFinalStatus } =
        await services.signing.uploadUnsignedArtifact(caller, id, body)
      return { signingRequestId, status, workflowStatus, isFinalStatus }
    },
  }),
]

const resubmit = route({
  method: 'POST',
  path: 'SigningRequests/Resubmit',
  preview: 'also',
  operationId: 'Resubmit',
  tag,
  summary: 'Submits the artifact of an earlier request under another signing policy',
  permission: `${submitters}, who may read the original request`,
  body: looseBody(Resubmission, false),
  answer: SUBMITTED,
  handle: async (environment, { caller, body, links, idempotencyKey }) => {
    const { originalSigningRequestId, description, signingPolicySlug, signingPolicyId } = body
    const submitted = await environment.services.signing.resubmit(
      caller,
      originalSigningRequestId,
      present({ signingPolicySlug, signingPolicyId }),
      description,
      idempotencyKey,
    )
    return answerOf(environment, links, submitted)
  },
})

const withPayload = route({
  method: 'POST',
  path: 'SigningRequests/SubmitWithPayload',
  operationId: 'SubmitWithPayload',
  tag,
  summary: 'Submits one file as JSON; signed before the answer where no approval is needed',
  permission: submitters,
  body: jsonBody(SubmitWithPayload),
  answer: created(SubmittedPayload, location),
  handle: async ({ services, metrics }, { caller, body, links, idempotencyKey }) => {
    const { payload, fileName = 'payload.json', parameters = {}, ...names } = body
    const submitted = await services.signing.submitWithArtifact(
      caller,
      present({
        projectSlug: names.projectSlug,
        signingPolicySlug: names.signingPolicySlug,
        artifactConfigurationSlug: names.artifactConfigurationSlug ?? undefined,
        description: names.description ?? undefined,
        parameters,
        idempotencyKey,
      }),
      { fileName: fileNameOf(fileName, 'fileName'), bytes: decodePayload(payload), isEntry: true },
    )
    const { signingRequestId, status, workflowStatus, isFinalStatus } = submitted
    metrics.countSubmission(status, submitted.signatures.length)
    return {
      signingRequestId,
      status,
      workflowStatus,
      isFinalStatus,
      webLink: links.web(signingRequestId),
      statusReason: submitted.statusReason,
      statusHints: [...submitted.statusHints],
      signatures: [...submitted.signatures],
    }
  },
})

const MAX_PAYLOAD_BYTES = 1024 * 1024

function decodePayload(text: string): Uint8Array {
  if (text.length > Math.ceil(MAX_PAYLOAD_BYTES / 3) * 4) {
    throw new ChanceryError(
      'ERR_HTTP_INVALID',
      `expected a file of at most ${MAX_PAYLOAD_BYTES} bytes; SubmitWithArtifact takes larger ones`,
      { field: 'payload' },
    )
  }
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw new ChanceryError('ERR_FORMAT_BASE64', 'expected the file as standard base64', {
      cause,
      field: 'payload',
    })
  }
}

/** How signing requests come to be. */
export const SUBMISSION_ROUTES: readonly Route[] = [
  ...withArtifact,
  ...inTwoSteps,
  resubmit,
  withPayload,
]
