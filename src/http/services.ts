import type { Administration } from '../administration/administration.ts'
import type { Caller } from '../policy/caller.ts'
import type { Principal } from '../policy/principal.ts'
import type { SigningService } from '../signing/signing-service.ts'
import type { AuditEventPage, AuditQuery, AuditVerification } from '../wire/audit.ts'

/** The audit log as its readers see it; every method checks the caller's rights. */
export interface AuditTrail {
  list(caller: Caller, query: AuditQuery): Promise<AuditEventPage>
  /** The whole answer of the query in pieces of text: JSON lines, or CSV with a header line. */
  export(caller: Caller, query: AuditQuery, format: 'jsonl' | 'csv'): AsyncIterable<string>
  verify(caller: Caller): AuditVerification | Promise<AuditVerification>
}

/** Calls whose credential was refused, from one address within one minute. */
export interface LoginFailure {
  /** The remote address, or null for all addresses beyond those counted one by one. */
  readonly address: string | null
  /** The id of the first of the HTTP requests. */
  readonly requestId: string
  /** How many, at least 1. */
  readonly attempts: number
}

/** Whether the process can do its work now; `checks` names each thing looked at, without details. */
export interface Readiness {
  readonly isReady: boolean
  readonly checks: Readonly<Record<string, boolean>>
}

/** Everything the HTTP edge speaks to. */
export interface Services {
  readonly administration: Administration
  readonly signing: SigningService
  readonly audit: AuditTrail
  /**
   * @param proven Of the same header, when it was asked about before.
   * @throws ChanceryError ERR_IDENTITY_UNAUTHENTICATED if the header is missing or its token is not accepted now.
   */
  readonly authenticate: (authorizationHeader: string | undefined, proven?: Principal) => Principal
  /** Puts refused credentials into the audit log. Called at most about 200 times a minute. */
  readonly recordLoginFailure: (failure: LoginFailure) => void
  readonly readiness: () => Readiness | Promise<Readiness>
  /** How many commits the store made since the start, each with its fsync. */
  readonly commits: () => number
}
