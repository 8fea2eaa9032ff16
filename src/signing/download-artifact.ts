import type { Certificate } from '../catalog/objects.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { decodeBase64 } from '../format/base64.ts'
import { canonicalJson } from '../format/canonical-json.ts'
import type { Caller } from '../policy/caller.ts'
import { assembleSignedArtifact } from '../policy/signing-plan.ts'
import { planStored } from './complete-request.ts'
import { findReadableRequest } from './find-request.ts'
import { requestEvent } from './request-events.ts'
import type { SigningContext } from './signing-context.ts'
import type { SigningRequest } from './signing-request.ts'
import type { Download } from './signing-service.ts'

/**
 * The signed artifact: the submitted bytes with the stored signatures added. It is put together from those two at every
 * download, always to the same bytes.
 *
 * @throws ChanceryError ERR_SIGNING_NOT_COMPLETED unless the request is completed; ERR_SIGNING_ARTIFACT_DELETED.
 */
export async function downloadSignedArtifact(
  context: SigningContext,
  caller: Caller,
  id: string,
): Promise<Download> {
  const { request } = findReadableRequest(context, caller, id)
  requireKept(request)
  if (request.status !== 'Completed') {
    throw new ChanceryError(
      'ERR_SIGNING_NOT_COMPLETED',
      `expected a completed signing request, found one that is ${request.status}`,
      { hints: ['poll …/Status until isFinalStatus is true'] },
    )
  }
  const download = request.kind === 'hash' ? signedHash(request) : await assemble(context, request)
  await record(context, caller, request, 'SignedArtifactDownloaded')
  return download
}

/** The artifact as it was submitted. @throws ChanceryError ERR_SIGNING_ARTIFACT_MISSING, ERR_SIGNING_ARTIFACT_DELETED. */
export async function downloadUnsignedArtifact(
  context: SigningContext,
  caller: Caller,
  id: string,
): Promise<Download> {
  const { request } = findReadableRequest(context, caller, id)
  requireKept(request)
  const download =
    request.kind === 'hash' ? hashDocument(request, {}) : await load(context, request, 'unsigned')
  await record(context, caller, request, 'UnsignedArtifactDownloaded')
  return download
}

/** The build settings file that came with the origin. @throws As {@link downloadUnsignedArtifact}. */
export async function downloadBuildSettingsFile(
  context: SigningContext,
  caller: Caller,
  id: string,
): Promise<Download> {
  const { request } = findReadableRequest(context, caller, id)
  requireKept(request)
  const download = await load(context, request, 'build-settings')
  await record(context, caller, request, 'BuildSettingsFileDownloaded')
  return download
}

/**
 * The X.509 certificate of the request's key: DER.
 *
 * @throws ChanceryError ERR_SIGNING_ARTIFACT_MISSING if the key has none.
 */
export async function downloadX509Certificate(
  context: SigningContext,
  caller: Caller,
  id: string,
): Promise<Download> {
  const { request } = findReadableRequest(context, caller, id)
  const certificate: Certificate | undefined = context.catalog.find(
    'certificate',
    request.body.certificateId,
  )
  const [leaf] = certificate?.chain ?? []
  if (certificate === undefined || leaf === undefined) {
    throw new ChanceryError(
      'ERR_SIGNING_ARTIFACT_MISSING',
      'the key of this request has no X.509 certificate',
    )
  }
  await record(context, caller, request, 'X509CertificateDownloaded')
  return {
    fileName: `${certificate.slug}.cer`,
    mediaType: 'application/pkix-cert',
    bytes: decodeBase64(leaf),
  }
}

async function assemble(context: SigningContext, request: SigningRequest): Promise<Download> {
  const artifact = await context.artifacts.load(request.id, 'unsigned')
  const plan = planStored(context, request, artifact)
  const signatures = request.body.signatures.map(({ signature }) => decodeBase64(signature))
  const { fileName, bytes } = assembleSignedArtifact(
    plan,
    signatures,
    new Date(request.completedAt ?? 0),
  )
  return { fileName, mediaType: 'application/zip', bytes }
}

async function load(
  context: SigningContext,
  request: SigningRequest,
  role: 'unsigned' | 'build-settings',
): Promise<Download> {
  const { fileName, bytes } = await context.artifacts.load(request.id, role)
  return { fileName, mediaType: 'application/octet-stream', bytes }
}

function signedHash(request: SigningRequest): Download {
  return hashDocument(request, { Signature: request.body.signatures[0]?.signature })
}

function hashDocument({ body }: SigningRequest, more: Readonly<Record<string, unknown>>): Download {
  const text = canonicalJson({
    Base64EncodedHash: body.hash?.value,
    Metadata: body.hash?.metadata,
    Scheme: body.hash?.scheme,
    ...more,
  })
  return {
    fileName: body.fileName ?? 'HashSigningData.json',
    mediaType: 'application/json',
    bytes: new TextEncoder().encode(text),
  }
}

async function record(
  context: SigningContext,
  caller: Caller,
  request: SigningRequest,
  type: string,
): Promise<void> {
  await context.ledger.commit({
    statements: [],
    events: [
      requestEvent(type, context.now(), request, caller, {
        sha256: request.body.unsignedArtifactSha256,
      }),
    ],
  })
}

function requireKept(request: SigningRequest): void {
  if (request.body.artifactsDeletedAt === null) return
  throw new ChanceryError(
    'ERR_SIGNING_ARTIFACT_DELETED',
    'the artifacts of this request were deleted after their retention time; its record is kept',
  )
}
