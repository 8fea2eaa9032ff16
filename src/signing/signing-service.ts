import type { Caller } from '../policy/caller.ts'
import type * as wire from '../wire/signing-requests.ts'

/** A file, as a form part or a body brought it. */
export interface ArtifactFile {
  /** The submitter's name for it: one path segment, at most 260 characters. */
  readonly fileName: string
  readonly bytes: Uint8Array
}

/** An artifact on its way in. */
export interface IncomingArtifact extends ArtifactFile {
  /** True for one bare file (`SubmitWithPayload`) that stands for a ZIP that holds it. */
  readonly isEntry: boolean
}

/** Where an artifact came from, as the submitter says; trusted only with a trusted build system's token. */
export interface Origin {
  readonly buildUrl?: string
  readonly buildSettingsFile?: ArtifactFile
  readonly repositoryUrl?: string
  readonly branchName?: string
  readonly commitId?: string
  readonly sourceControlManagementType?: string
}

/** What all submit routes have in common. Give slugs or ids, not both. */
export interface Submission {
  readonly projectSlug?: string
  readonly signingPolicySlug?: string
  readonly artifactConfigurationSlug?: string
  readonly signingPolicyId?: string
  readonly artifactConfigurationId?: string
  readonly description?: string
  readonly parameters: Readonly<Record<string, string>>
  readonly origin?: Origin
  readonly cancellationTimeoutInSeconds?: number
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey?: string
}

/** The bytes announced for a later upload. */
export interface UnsignedArtifactMetadata {
  readonly fileName: string
  /** Lower-case hex. */
  readonly sha256Hash: string
}

/** A download. */
export interface Download {
  readonly fileName: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** A signing request as the service answers it; `http/` adds the links. */
export type SigningRequestRecord = Omit<
  wire.SigningRequestView,
  'webLink' | 'unsignedArtifactLink' | 'signedArtifactLink' | 'origin'
> & {
  readonly origin: Origin | null
  readonly hasUnsignedArtifact: boolean
  /** Retention has deleted the artifacts. */
  readonly areArtifactsDeleted: boolean
}

/** Some of the requests that a caller may read. */
export interface RequestPage {
  readonly signingRequests: readonly SigningRequestRecord[]
  /** What `before` has to be for the next page; null where there is none. */
  readonly next: string | null
}

/** The state right after a submission. */
export type Submitted = wire.SigningRequestStatus & {
  readonly statusReason: string | null
  readonly statusHints: readonly string[]
  readonly signatures: readonly wire.SigningRequestSignature[]
}

/** A hash to sign. */
export interface HashToSign {
  readonly signatureAlgorithm: 'Rsa' | 'Ecdsa'
  readonly hash: Uint8Array
  /** By length of `hash` where the caller did not say. */
  readonly hashAlgorithm?: 'sha256' | 'sha384' | 'sha512'
  readonly rsaPadding?: 'pkcs1' | 'pss'
  readonly ecdsaFormat?: 'der' | 'ieee-p1363'
  /** Free JSON for the audit log, at most 16 KiB. */
  readonly metadata?: unknown
}

/** One signing policy that the caller may submit to (`Cryptoki/MySigningPolicies`). */
export interface MySigningPolicy {
  readonly projectSlug: string
  readonly signingPolicySlug: string
  readonly signingPolicyId: string
  readonly keyType: 'Rsa' | 'Ecdsa' | 'EdDsa'
  readonly keySizeInBits: number
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** DER leaf certificate, or null. */
  readonly certificate: Uint8Array | null
}

/**
 * The life of signing requests. Every method checks the caller's rights, and resolves only after what it did and its
 * audit event are durable: no signature leaves before its record.
 *
 * @throws ChanceryError ERR_POLICY_FORBIDDEN if the caller may not, or may not know whether there is such a request.
 * @throws ChanceryError ERR_SIGNING_MISSING if there is no such request and the caller may know.
 */
export interface SigningService {
  /** Submits a file. Malformed or refused artifacts make a request too: it ends as `Failed` or `Denied` with the reason. */
  submitWithArtifact(
    caller: Caller,
    submission: Submission,
    artifact: IncomingArtifact,
  ): Promise<Submitted>
  submitWithoutArtifact(
    caller: Caller,
    submission: Submission,
    metadata: UnsignedArtifactMetadata,
  ): Promise<Submitted>
  uploadUnsignedArtifact(caller: Caller, id: string, bytes: Uint8Array): Promise<Submitted>
  resubmit(
    caller: Caller,
    originalSigningRequestId: string,
    policy: { readonly signingPolicySlug?: string; readonly signingPolicyId?: string },
    description: string | undefined,
    idempotencyKey: string | undefined,
  ): Promise<Submitted>
  /** @throws ChanceryError ERR_SIGNING_HASH_NOT_ALLOWED where the policy does not allow hashes. */
  signHash(
    caller: Caller,
    submission: Submission,
    hash: HashToSign,
  ): Promise<{ readonly signingRequestId: string; readonly signature: Uint8Array }>

  getStatus(caller: Caller, id: string): wire.SigningRequestStatus
  get(caller: Caller, id: string): SigningRequestRecord
  list(caller: Caller, query: wire.SigningRequestQuery): Promise<RequestPage>

  /** @throws ChanceryError ERR_SIGNING_NOT_COMPLETED before completion; ERR_SIGNING_ARTIFACT_DELETED after retention. */
  downloadSignedArtifact(caller: Caller, id: string): Promise<Download>
  downloadUnsignedArtifact(caller: Caller, id: string): Promise<Download>
  downloadBuildSettingsFile(caller: Caller, id: string): Promise<Download>
  /** DER of the leaf certificate the request was or will be signed with. */
  downloadX509Certificate(caller: Caller, id: string): Promise<Download>

  approve(
    caller: Caller,
    id: string,
    reason: string | undefined,
  ): Promise<wire.SigningRequestStatus>
  deny(caller: Caller, id: string, reason: string | undefined): Promise<wire.SigningRequestStatus>
  cancel(caller: Caller, id: string): Promise<wire.SigningRequestStatus>

  listMySigningPolicies(
    caller: Caller,
    filter: { readonly projectSlug?: string; readonly signingPolicySlug?: string },
  ): readonly MySigningPolicy[]
}
