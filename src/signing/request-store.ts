import { imageCondition } from '../db/image-condition.ts'
import type { Reader, SqlValue, Statement } from '../db/ledger.ts'
import { readPage, type Page } from '../db/page.ts'
import { parseStoredJson } from '../db/stored-json.ts'
import type { Status, WorkflowStatus } from '../wire/signing-requests.ts'
import type { SigningRequest, SigningRequestBody } from './signing-request.ts'

interface Row {
  readonly seq: number
  readonly id: string
  readonly organization_id: string
  readonly project_id: string
  readonly signing_policy_id: string
  readonly submitter_id: string
  readonly kind: string
  readonly status: string
  readonly workflow_status: string
  readonly version: number
  readonly submitted_at: number
  readonly completed_at: number | null
  readonly cancel_at: number | null
  readonly body: string
}

/** A stored request with its place in the order of submission. */
export interface Numbered {
  readonly seq: number
  readonly request: SigningRequest
}

/** One approval or denial, as stored. */
export interface StoredApproval {
  readonly userId: string
  readonly decision: 'approved' | 'denied'
  readonly reason: string | null
  readonly at: number
}

/** A remembered idempotency key. */
export interface RememberedKey {
  readonly fingerprint: Uint8Array
  readonly signingRequestId: string
}

/** What a list is narrowed to. All conditions hold; times are milliseconds, bounds inclusive. */
export interface RequestFilter {
  readonly organizationId: string
  readonly projectId?: string
  readonly signingPolicyId?: string
  readonly status?: Status
  readonly submitterId?: string
  readonly digest?: string
  readonly repository?: string
  readonly from?: number
  readonly to?: number
  /** Only requests with a smaller `seq`. */
  readonly before?: number
  /** Only requests under these policies, or submitted by `submitter`; absent for readers of everything. */
  readonly visible?: { readonly policyIds: readonly string[]; readonly submitter: string }
  readonly limit: number
}

const COLUMNS =
  'seq, id, organization_id, project_id, signing_policy_id, submitter_id, kind, status, workflow_status, version, submitted_at, completed_at, cancel_at, body'

/** How many requests are gone through without a pause: some 10 ms. */
const STRETCH = 10_000

const WITH_STRETCH =
  'WITH stretch (low, high) AS (SELECT ?, min(?, (SELECT max(seq) FROM signing_requests)))'
const [LOW, HIGH] = ['(SELECT low FROM stretch)', '(SELECT high FROM stretch)']
const END_OF_STRETCH = `SELECT seq FROM signing_requests WHERE organization_id = ? AND seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ${STRETCH - 1}`

/** As the partial index `signing_requests_open` has it. */
const IS_OPEN =
  "(status = 'InProgress' OR status = 'WaitingForApproval' OR status = 'WaitingForArtifactUpload')"

/** Reads signing requests, and makes the statements that change them. */
export class RequestStore {
  readonly #reader: Reader

  constructor(reader: Reader) {
    this.#reader = reader
  }

  find(id: string): SigningRequest | undefined {
    const row = this.#reader.get<Row>(`SELECT ${COLUMNS} FROM signing_requests WHERE id = ?`, id)
    return row === undefined ? undefined : decode(row)
  }

  /** The ids of requests in progress, oldest first, in all organizations. */
  listInProgress(): readonly string[] {
    return this.#reader
      .all<{ id: string }>(
        "SELECT id FROM signing_requests WHERE status = 'InProgress' ORDER BY seq",
      )
      .map(({ id }) => id)
  }

  /** The ids of requests that are not final and should have been canceled by an instant, in all organizations. */
  listOverdue(now: number): readonly string[] {
    return this.#reader
      .all<{ id: string }>(
        `SELECT id FROM signing_requests WHERE ${IS_OPEN} AND cancel_at <= ? ORDER BY seq`,
        now,
      )
      .map(({ id }) => id)
  }

  /** A page of requests, newest first. Bounded by what is in them, too: see `readPage`. */
  async list(filter: RequestFilter): Promise<Page<Numbered>> {
    const { conditions, parameters, isOfFew } = conditionsOf(filter)
    const sql = `${WITH_STRETCH} SELECT ${COLUMNS} FROM signing_requests r WHERE ${conditions.join(' AND ')} ORDER BY seq DESC`
    const { rows, isMore } = await readPage<Row>(
      {
        order: 'DESC',
        lowest: 0,
        highest: filter.before === undefined ? Number.MAX_SAFE_INTEGER : filter.before - 1,
        endOfStretch: (from) =>
          isOfFew
            ? undefined
            : this.#reader.get<{ seq: number }>(END_OF_STRETCH, filter.organizationId, from)?.seq,
        read: (low, high) => this.#reader.iterate<Row>(sql, low, high, ...parameters),
        weigh: ({ body }) => body.length,
      },
      filter.limit,
    )
    return { rows: rows.map((row) => ({ seq: row.seq, request: decode(row) })), isMore }
  }

  approvals(id: string): readonly StoredApproval[] {
    return this.#reader.all<StoredApproval>(
      'SELECT user_id AS userId, decision, reason, at FROM approvals WHERE signing_request_id = ? ORDER BY at, user_id',
      id,
    )
  }

  findIdempotencyKey(submitterId: string, key: string): RememberedKey | undefined {
    return this.#reader.get<RememberedKey>(
      'SELECT fingerprint, signing_request_id AS signingRequestId FROM idempotency_keys WHERE submitter_id = ? AND key = ?',
      submitterId,
      key,
    )
  }

  /** Requests that completed before an instant and still have artifacts, oldest first. */
  listExpired(
    organizationId: string,
    completedBefore: number,
    limit: number,
  ): readonly SigningRequest[] {
    return this.#reader
      .all<Row>(
        `SELECT ${COLUMNS} FROM signing_requests r WHERE organization_id = ? AND completed_at < ? AND EXISTS (SELECT 1 FROM artifacts WHERE signing_request_id = r.id) ORDER BY seq LIMIT ?`,
        organizationId,
        completedBefore,
        limit,
      )
      .map(decode)
  }
}

/** Enters a new request, with an index entry for each of its images. */
export function insertRequest(request: SigningRequest): readonly Statement[] {
  return [
    {
      sql: 'INSERT INTO signing_requests (id, organization_id, project_id, signing_policy_id, submitter_id, kind, status, workflow_status, version, submitted_at, completed_at, cancel_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      parameters: [
        request.id,
        request.organizationId,
        request.projectId,
        request.signingPolicyId,
        request.submitterId,
        request.kind,
        request.status,
        request.workflowStatus,
        request.version,
        request.submittedAt,
        request.completedAt,
        request.cancelAt,
        JSON.stringify(request.body),
      ],
    },
    ...indexImages(request, 'ABORT'),
  ]
}

/** Stores the next state of a request; fails unless the stored state is the one before it. */
export function updateRequest(request: SigningRequest): readonly Statement[] {
  return [
    {
      sql: 'UPDATE signing_requests SET status = ?, workflow_status = ?, version = ?, completed_at = ?, body = ? WHERE id = ? AND version = ?',
      parameters: [
        request.status,
        request.workflowStatus,
        request.version,
        request.completedAt,
        JSON.stringify(request.body),
        request.id,
        request.version - 1,
      ],
      expectChanges: 1,
    },
    ...indexImages(request, 'REPLACE'),
  ]
}

/** Remembers which request an idempotency key made; fails if the key is taken. */
export function insertIdempotencyKey(
  submitterId: string,
  key: string,
  fingerprint: Uint8Array,
  signingRequestId: string,
  at: number,
): Statement {
  return {
    sql: 'INSERT INTO idempotency_keys (submitter_id, key, fingerprint, signing_request_id, at) VALUES (?, ?, ?, ?, ?)',
    parameters: [submitterId, key, fingerprint, signingRequestId, at],
  }
}

/** Records a decision; fails if the user has decided already. */
export function insertApproval(id: string, approval: StoredApproval): Statement {
  return {
    sql: 'INSERT INTO approvals (signing_request_id, user_id, decision, reason, at) VALUES (?, ?, ?, ?, ?)',
    parameters: [id, approval.userId, approval.decision, approval.reason, approval.at],
  }
}

/**
 * Each image once, in however many files it is. To be called for a request that is stored, or is by the statements before.
 *
 * @param conflict What becomes of an entry that is there. A new request has none, and ABORT costs less: SQLite keeps a copy of
 *   the pages that a REPLACE changes, as it does for what comes from a SELECT.
 */
function indexImages(request: SigningRequest, conflict: 'ABORT' | 'REPLACE'): readonly Statement[] {
  const { id, organizationId } = request
  const images = new Map(
    request.body.images.map((image) => [`${image.digest} ${image.repository}`, image]),
  )
  return Array.from(images.values(), ({ repository, digest }, position) => ({
    sql: `INSERT OR ${conflict} INTO signing_request_images (place, organization_id, repository, digest) VALUES ((SELECT seq << 20 | ? FROM signing_requests WHERE id = ?), ?, ?, ?)`,
    parameters: [position, id, organizationId, repository, digest],
    expectChanges: 1,
  }))
}

interface Conditions {
  readonly conditions: readonly string[]
  readonly parameters: readonly SqlValue[]
  /** Whether few requests hold them, which are found without going through all others. */
  readonly isOfFew: boolean
}

function conditionsOf(filter: RequestFilter): Conditions {
  const conditions = [`seq BETWEEN ${LOW} AND ${HIGH}`, 'organization_id = ?']
  const parameters: SqlValue[] = [filter.organizationId]
  const add = (condition: string, ...values: readonly (SqlValue | undefined)[]): void => {
    if (values.includes(undefined)) return
    conditions.push(condition)
    parameters.push(...(values as SqlValue[]))
  }
  const addImage = (by: 'digest' | 'repository', value: string | undefined): void => {
    if (value === undefined) return
    const { sql, parameters: values } = imageCondition(filter.organizationId, by, value)
    const places =
      by === 'digest' ? '' : ` AND place >= ${LOW} << 20 AND place < (${HIGH} + 1) << 20`
    add(`seq IN (SELECT place >> 20 FROM signing_request_images WHERE ${sql}${places})`, ...values)
  }
  add('project_id = ?', filter.projectId)
  add('signing_policy_id = ?', filter.signingPolicyId)
  add('status = ?', filter.status)
  add('submitter_id = ?', filter.submitterId)
  addImage('digest', filter.digest)
  addImage('repository', filter.repository)
  add('submitted_at >= ?', filter.from)
  add('submitted_at <= ?', filter.to)
  if (filter.visible !== undefined) {
    const { policyIds, submitter } = filter.visible
    const places = policyIds.map(() => '?').join(', ')
    add(`(submitter_id = ? OR signing_policy_id IN (${places}))`, submitter, ...policyIds)
  }
  return { conditions, parameters, isOfFew: filter.digest !== undefined }
}

function decode(row: Row): SigningRequest {
  return {
    id: row.id,
    organizationId: row.organization_id,
    projectId: row.project_id,
    signingPolicyId: row.signing_policy_id,
    submitterId: row.submitter_id,
    kind: row.kind === 'hash' ? 'hash' : 'artifact',
    status: row.status as Status,
    workflowStatus: row.workflow_status as WorkflowStatus,
    version: row.version,
    submittedAt: row.submitted_at,
    completedAt: row.completed_at,
    cancelAt: row.cancel_at,
    body: parseStoredJson(row.body) as SigningRequestBody,
  }
}
