import { randomGuid } from '../crypto/random.ts'
import type { AuditQuery, AuditVerification } from '../wire/audit.ts'
import type * as requests from '../wire/signing-requests.ts'
import { AdministrationClient } from './administration-client.ts'
import { parseServerUrl } from './base-url.ts'
import type {
  ArtifactSubmission,
  AuditEventPage,
  ChanceryClientOptions,
  DownloadedFile,
} from './contract.ts'
import { optionalPart, type FormPart } from './multipart.ts'
import { encodeQuery, readList, readObject, Rest } from './rest.ts'
import {
  AUDIT_EVENT_PAGE,
  AUDIT_EVENT_VIEW,
  AUDIT_VERIFICATION,
  SIGNED_HASH,
  SIGNING_REQUEST_PAGE,
  SIGNING_REQUEST_STATUS,
  SIGNING_REQUEST_VIEW,
  SUBMITTED_PAYLOAD,
  SUBMITTED_SIGNING_REQUEST,
} from './shapes.ts'
import { Transport } from './transport.ts'

/**
 * The REST API of a Chancery server, one method per route, named as {@link SigningService} names the operation; those of
 * the configured world are in {@link AdministrationClient}. May be used concurrently; holds nothing open.
 *
 * Every method throws the server's ChanceryError, or one of
 * `ERR_CLIENT_*` where no usable answer came; calls are repeated where that cannot do a thing twice.
 */
export class ChanceryClient {
  /** Without a slash at its end. */
  readonly serverUrl: string
  readonly organizationId: string
  readonly administration: AdministrationClient
  readonly #rest: Rest

  constructor(options: ChanceryClientOptions) {
    this.serverUrl = parseServerUrl(options.url, options.allowHttp ?? false)
    this.organizationId = options.organizationId
    const transport = new Transport({
      serverUrl: this.serverUrl,
      token: options.token,
      userAgent: options.userAgent ?? 'chancery',
      timeoutMs: options.timeoutMs ?? 60_000,
      maxRetries: options.maxRetries ?? 4,
      maxResponseBytes: options.maxResponseBytes ?? 1024 ** 3,
      signal: options.signal,
      proxyHost: options.proxyHost,
      onRetry: options.onRetry,
    })
    this.#rest = new Rest(transport, this.organizationId)
    this.administration = new AdministrationClient(this.#rest)
  }

  // Signing requests

  async submitWithArtifact(
    submission: ArtifactSubmission,
  ): Promise<requests.SubmittedSigningRequest> {
    const parts: FormPart[] = [
      { name: 'projectSlug', value: submission.projectSlug },
      { name: 'signingPolicySlug', value: submission.signingPolicySlug },
      ...optionalPart('artifactConfigurationSlug', submission.artifactConfigurationSlug),
      ...optionalPart('description', submission.description),
      ...Object.entries(submission.parameters ?? {}).map(([name, value]) => ({
        name: `parameters.${name}`,
        value,
      })),
      { name: 'artifact', ...submission.artifact },
    ]
    const path = this.#rest.path('SigningRequests', 'SubmitWithArtifact')
    const answer = await this.#rest.postForm(path, parts, submission.idempotencyKey ?? newKey())
    return readObject(answer, SUBMITTED_SIGNING_REQUEST)
  }

  async submitWithPayload(
    submission: requests.SubmitWithPayload,
    idempotencyKey: string = newKey(),
  ): Promise<requests.SubmittedPayload> {
    const path = this.#rest.path('SigningRequests', 'SubmitWithPayload')
    const answer = await this.#rest.post(path, submission, idempotencyKey)
    return readObject(answer, SUBMITTED_PAYLOAD)
  }

  async signHash(
    submission: requests.SignHash,
    idempotencyKey: string = newKey(),
  ): Promise<requests.SignedHash> {
    const path = this.#rest.path('SigningRequests', 'SignHash')
    const answer = await this.#rest.post(path, submission, idempotencyKey)
    return readObject(answer, SIGNED_HASH)
  }

  async resubmit(
    originalSigningRequestId: string,
    signingPolicySlug: string,
    description?: string,
    idempotencyKey: string = newKey(),
  ): Promise<requests.SubmittedSigningRequest> {
    const parts = [
      { name: 'originalSigningRequestId', value: originalSigningRequestId },
      { name: 'signingPolicySlug', value: signingPolicySlug },
      ...optionalPart('description', description),
    ]
    const answer = await this.#rest.postForm(
      this.#rest.path('SigningRequests', 'Resubmit'),
      parts,
      idempotencyKey,
    )
    return readObject(answer, SUBMITTED_SIGNING_REQUEST)
  }

  async getSigningRequest(id: string): Promise<requests.SigningRequestView> {
    const answer = await this.#rest.get(this.#rest.path('SigningRequests', id))
    return readObject(answer, SIGNING_REQUEST_VIEW)
  }

  async getSigningRequestStatus(id: string): Promise<requests.SigningRequestStatus> {
    const answer = await this.#rest.get(this.#rest.path('SigningRequests', id, 'Status'))
    return readObject(answer, SIGNING_REQUEST_STATUS)
  }

  async listSigningRequests(
    query: requests.SigningRequestQuery = {},
  ): Promise<requests.SigningRequestPage> {
    const answer = await this.#rest.get(this.#rest.path('SigningRequests') + encodeQuery(query))
    return readObject(answer, SIGNING_REQUEST_PAGE)
  }

  async approve(id: string, reason?: string): Promise<requests.SigningRequestStatus> {
    return this.#decide(id, 'Approve', reason)
  }

  async deny(id: string, reason?: string): Promise<requests.SigningRequestStatus> {
    return this.#decide(id, 'Deny', reason)
  }

  async cancel(id: string): Promise<requests.SigningRequestStatus> {
    return this.#decide(id, 'Cancel', undefined)
  }

  async downloadSignedArtifact(id: string): Promise<DownloadedFile> {
    return this.#rest.download(this.#rest.path('SigningRequests', id, 'SignedArtifact'))
  }

  async downloadUnsignedArtifact(id: string): Promise<DownloadedFile> {
    return this.#rest.download(this.#rest.path('SigningRequests', id, 'UnsignedArtifact'))
  }

  // Audit log

  /** A page of the log, newest first unless `order=asc`, and where the next one continues. */
  async listAuditEvents(query: AuditQuery = {}): Promise<AuditEventPage> {
    const answer = await this.#rest.get(this.#rest.path('AuditEvents') + encodeQuery(query))
    const { next } = readObject(answer, AUDIT_EVENT_PAGE)
    return { events: readList(answer, 'events', AUDIT_EVENT_VIEW), next }
  }

  /** The whole log, or what the query leaves of it, as JSON lines or CSV. */
  async exportAuditEvents(
    format: 'jsonl' | 'csv',
    query: AuditQuery = {},
  ): Promise<DownloadedFile> {
    return this.#rest.download(
      this.#rest.path('AuditEvents', 'Export') + encodeQuery({ ...query, format }),
    )
  }

  /** Has the server re-compute the whole chain. */
  async verifyAuditEvents(): Promise<AuditVerification> {
    const answer = await this.#rest.get(this.#rest.path('AuditEvents', 'Verify'))
    return readObject(answer, AUDIT_VERIFICATION)
  }

  async #decide(
    id: string,
    verb: 'Approve' | 'Deny' | 'Cancel',
    reason: string | undefined,
  ): Promise<requests.SigningRequestStatus> {
    const body = reason === undefined ? undefined : { reason }
    const answer = await this.#rest.post(this.#rest.path('SigningRequests', id, verb), body)
    return readObject(answer, SIGNING_REQUEST_STATUS)
  }
}

function newKey(): string {
  return randomGuid(Date.now())
}
