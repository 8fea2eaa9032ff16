import type { AuditEventView } from '../wire/audit.ts'

/** Where the server is and on whose behalf it is called. */
export interface ChanceryClientOptions {
  /** `https://host[:port][/prefix]`; plain http only for loopback addresses, or with `allowHttp`. */
  readonly url: string
  readonly organizationId: string
  /** An API token, or `<API token>:<trusted build system token>`. A secret: no error repeats it. */
  readonly token: string
  readonly userAgent?: string
  readonly allowHttp?: boolean
  /** For one attempt; 60,000. */
  readonly timeoutMs?: number
  /** After the first attempt; 4. */
  readonly maxRetries?: number
  /** 1 GiB: artifacts are read whole. */
  readonly maxResponseBytes?: number
  readonly signal?: AbortSignal
  /** Host and port of the proxy that the calls go through, for errors; without user and password. */
  readonly proxyHost?: string | undefined
  /** Called before a call is repeated. */
  readonly onRetry?: (reason: string, delayMs: number) => void
}

/** A file to upload. */
export interface FileToUpload {
  readonly fileName: string
  readonly bytes: Uint8Array
}

/** A downloaded file. */
export interface DownloadedFile {
  /** The server's name for it, without directories; undefined where it gave none. */
  readonly fileName: string | undefined
  readonly bytes: Uint8Array
}

/** A page of the audit log. */
export interface AuditEventPage {
  readonly events: readonly AuditEventView[]
  /** `before` of the next page (`after`, with `order=asc`); null for the last page. */
  readonly next: number | null
}

/** A signing request for a file. */
export interface ArtifactSubmission {
  readonly projectSlug: string
  readonly signingPolicySlug: string
  readonly artifactConfigurationSlug?: string | undefined
  readonly description?: string | undefined
  readonly parameters?: Readonly<Record<string, string>> | undefined
  readonly artifact: FileToUpload
  /** Repeating a submission with the same key makes one request; a random key where absent. */
  readonly idempotencyKey?: string | undefined
}

/**
 * What can be downloaded of a certificate: the leaf (DER), leaf and chain (PEM, leaf first), the SubjectPublicKeyInfo
 * that `cosign verify --key` reads (PEM), the PKCS#10 request (PEM).
 */
export type CertificateFile =
  'X509Certificate' | 'X509CertificateChain' | 'PublicKey' | 'CertificateSigningRequest'

/** A user, as the routes name it: people and machines have routes of their own. */
export interface UserReference {
  readonly id: string
  readonly userType: 'interactive' | 'ci'
}
