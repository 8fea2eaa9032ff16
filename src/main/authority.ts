import { join } from 'node:path'
import { createAdministration } from '../administration/create-administration.ts'
import { AuditLog } from '../audit/audit-log.ts'
import { Catalog } from '../catalog/catalog.ts'
import type { AuditEvent } from '../db/ledger.ts'
import { loadStore } from '../db/open-store.ts'
import type { LoginFailure, Services } from '../http/services.ts'
import { NIL_GUID } from '../format/guid.ts'
import { ApiTokens } from '../identity/api-tokens.ts'
import { Authenticator } from '../identity/authenticator.ts'
import { loadMasterKey, type MasterKeySource } from '../keys/master-key.ts'
import { SoftwareKeyStore } from '../keys/software-key-store.ts'
import { ArtifactStore } from '../signing/artifact-store.ts'
import { createSigningService } from '../signing/create-signing-service.ts'
import { Examiner, type ExaminerLimits } from '../signing/examiner.ts'
import {
  cancelOverdueRequests,
  deleteExpiredArtifacts,
  forgetIdempotencyKeys,
  resumeRequests,
} from '../signing/housekeeping.ts'
import { checkReadiness } from '../signing/readiness.ts'
import { RequestStore } from '../signing/request-store.ts'
import type { SigningContext } from '../signing/signing-context.ts'
import { every } from './every.ts'
import { requireFinishedInit } from './init-authority.ts'

/** An open authority: its services, and the work it does by itself. Disposing it ends that and closes the store. */
export interface Authority extends AsyncDisposable {
  readonly services: Services
  /** How many commits, each with its fsync, were made since it was opened. */
  commits(): number
  /** Gives back the memory that only work needs; the store, not this thread's garbage. */
  rest(): void
}

/** How an authority is opened. */
export interface AuthorityOptions {
  readonly dataDirectory: string
  readonly masterKey: MasterKeySource
  /** Told about errors of work that no caller waits for. */
  readonly report: (what: string, error: unknown) => void
  /** Milliseconds since 1970 UTC; the system's clock where it is not set. */
  readonly now?: () => number
  readonly examinerLimits?: ExaminerLimits
}

const TIMEOUTS_EVERY_MS = 1000
const TRACES_EVERY_MS = 60_000
const RETENTION_EVERY_MS = 3_600_000
const RESUME_EVERY_MS = 15_000

/**
 * Opens the authority of a data directory, and goes on with what was in progress when it was last closed.
 *
 * @throws ChanceryError ERR_DB_MISSING, ERR_DB_LOCKED, ERR_DB_FOREIGN, ERR_KEYS_MASTER_KEY, ERR_CATALOG_CORRUPT.
 */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { dataDirectory, report } = options
  requireFinishedInit(dataDirectory)
  const masterKey = await loadMasterKey(options.masterKey, dataDirectory)
  const auditKey = masterKey.deriveSubkey('audit head')
  await using opened = new AsyncDisposableStack()
  const store = opened.use(await loadStore({ directory: dataDirectory, auditKey }))
  const { ledger, reader } = store
  const catalog = Catalog.load(reader)
  const tokens = ApiTokens.load(reader)
  const keyStore = new SoftwareKeyStore(reader, masterKey)
  const authenticator = new Authenticator(catalog, tokens)
  const now = options.now ?? Date.now
  const signing: SigningContext = {
    catalog,
    ledger,
    reader,
    requests: new RequestStore(reader),
    artifacts: await ArtifactStore.open(reader, join(dataDirectory, 'artifacts')),
    signers: keyStore,
    examiner: opened.use(new Examiner(options.examinerLimits)),
    presentPrincipal: (principal) => authenticator.presentPrincipal(principal, now()),
    now,
    background: new Map(),
    report: (error, id) => report(`the signing request ${id}`, error),
  }
  await signing.artifacts.removeOrphans()
  await resumeRequests(signing)
  // Backwards: no chore starts any more, then what runs ends, then the traces are kept, then the store closes.
  opened.defer(() =>
    tokens.flushLastUsed(ledger).catch((error: unknown) => report('the last use of tokens', error)),
  )
  opened.defer(async () => {
    await Promise.all(signing.background.values())
  })
  const chores = [
    every(TIMEOUTS_EVERY_MS, () => cancelOverdueRequests(signing), report),
    every(RESUME_EVERY_MS, () => resumeRequests(signing), report),
    every(TRACES_EVERY_MS, () => tokens.flushLastUsed(ledger), report),
    every(RETENTION_EVERY_MS, () => deleteExpiredArtifacts(signing), report),
    every(RETENTION_EVERY_MS, () => forgetIdempotencyKeys(signing), report),
  ]
  opened.defer(async () => {
    await Promise.all(chores.map((stop) => stop()))
  })
  const resources = opened.move()
  return {
    services: {
      administration: createAdministration({ catalog, tokens, ledger, keyStore, now }),
      signing: createSigningService(signing),
      audit: new AuditLog({
        reader,
        auditKey,
        nameOf: (userId) => catalog.find('user', userId)?.name ?? null,
      }),
      authenticate: (header, proven) => authenticator.authenticate(header, now(), proven),
      recordLoginFailure: (failure) => {
        const event = loginFailed(failure, catalog.foundingOrganizationId ?? NIL_GUID, now())
        ledger
          .commit({ statements: [], events: [event] })
          .catch((error: unknown) => report('a login failure', error))
      },
      readiness: async () => {
        const checks = await checkReadiness(signing, report)
        return { isReady: checks.store && checks.keys, checks: { ...checks } }
      },
      commits: () => store.commits(),
    },
    commits: () => store.commits(),
    rest: () => store.rest(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Nobody was authenticated, so the event belongs to nobody's organization: the founding one's log has it. */
function loginFailed(failure: LoginFailure, organizationId: string, at: number): AuditEvent {
  return {
    organizationId,
    type: 'User.LoginFailed',
    at,
    actorId: null,
    address: failure.address,
    requestId: failure.requestId,
    objectId: null,
    data: { attempts: failure.attempts },
  }
}
