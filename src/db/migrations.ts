/**
 * The schema, one step per entry; `PRAGMA user_version` counts the steps that were applied.
 * A step is never edited once released. Times are milliseconds since 1970 UTC, ids lower-case GUIDs, JSON is text.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE config_objects (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    unique_key TEXT UNIQUE,
    body TEXT NOT NULL
  ) STRICT;

  CREATE TABLE config_object_versions (
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT,
    PRIMARY KEY (id, version)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
  ) STRICT;
  CREATE INDEX api_tokens_by_user ON api_tokens (user_id);

  CREATE TABLE software_keys (
    key_id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sealed_private_key BLOB NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE signing_requests (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    signing_policy_id TEXT NOT NULL,
    submitter_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    workflow_status TEXT NOT NULL,
    version INTEGER NOT NULL,
    submitted_at INTEGER NOT NULL,
    completed_at INTEGER,
    cancel_at INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX signing_requests_by_organization ON signing_requests (organization_id, seq);
  CREATE INDEX signing_requests_by_policy ON signing_requests (signing_policy_id, seq);
  CREATE INDEX signing_requests_open ON signing_requests (status, seq)
    WHERE status IN ('InProgress', 'WaitingForApproval', 'WaitingForArtifactUpload');

  CREATE TABLE idempotency_keys (
    submitter_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    signing_request_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (submitter_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

  CREATE TABLE artifacts (
    signing_request_id TEXT NOT NULL,
    role TEXT NOT NULL,
    file_name TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    bytes BLOB,
    PRIMARY KEY (signing_request_id, role)
  ) STRICT;

  CREATE TABLE signing_request_images (
    organization_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    request_seq INTEGER NOT NULL,
    path TEXT NOT NULL,
    repository TEXT NOT NULL,
    PRIMARY KEY (organization_id, digest, request_seq, path)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX signing_request_images_by_repository
    ON signing_request_images (organization_id, repository, request_seq);

  CREATE TABLE approvals (
    signing_request_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (signing_request_id, user_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit_chains (
    chain INTEGER PRIMARY KEY,
    organization_id TEXT NOT NULL UNIQUE,
    number INTEGER NOT NULL,
    head BLOB NOT NULL,
    seal BLOB NOT NULL
  ) STRICT;

  CREATE TABLE audit_events (
    seq INTEGER PRIMARY KEY,
    chain INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    actor_id TEXT,
    object_id TEXT,
    record TEXT NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX audit_events_by_number ON audit_events (chain, number);
  CREATE INDEX audit_events_by_type ON audit_events (chain, type, number);
  CREATE INDEX audit_events_by_actor ON audit_events (chain, actor_id, number) WHERE actor_id IS NOT NULL;
  CREATE INDEX audit_events_by_object ON audit_events (object_id, number) WHERE object_id IS NOT NULL;
  `,
  // An image counts once for each request, in however many files it is; one file may name several repositories.
  `
  CREATE TABLE images_of_requests (
    organization_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    request_seq INTEGER NOT NULL,
    repository TEXT NOT NULL,
    PRIMARY KEY (organization_id, digest, request_seq, repository)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO images_of_requests
    SELECT DISTINCT organization_id, digest, request_seq, repository FROM signing_request_images;
  DROP TABLE signing_request_images;
  ALTER TABLE images_of_requests RENAME TO signing_request_images;
  CREATE INDEX signing_request_images_by_repository
    ON signing_request_images (organization_id, repository, request_seq);
  `,
  // In the order of the requests. Digests come in no order, so each new one dirties a page of its own: an index of 12 of
  // their digits keeps these pages few.
  `
  ALTER TABLE signing_request_images RENAME TO images_by_digest;
  CREATE TABLE signing_request_images (
    request_seq INTEGER NOT NULL,
    position INTEGER NOT NULL,
    organization_id TEXT NOT NULL,
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (request_seq, position)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO signing_request_images
    SELECT request_seq, row_number() OVER (PARTITION BY request_seq ORDER BY digest, repository) - 1,
      organization_id, repository, digest
    FROM images_by_digest ORDER BY 1, 2;
  DROP TABLE images_by_digest;
  CREATE INDEX signing_request_images_by_repository
    ON signing_request_images (organization_id, repository, request_seq);
  CREATE INDEX signing_request_images_by_digest ON signing_request_images (substr(digest, 8, 12));
  `,
  // Images are rows in the order of the requests, which SQLite only appends to. An index begins with which 1024 requests it
  // is about, so that new entries share the few pages of its end. The two events that nearly all requests leave are as quickly
  // found without an index of their type.
  `
  CREATE TABLE images_in_order (
    place INTEGER PRIMARY KEY,
    organization_id TEXT NOT NULL,
    repository TEXT NOT NULL,
    digest TEXT NOT NULL
  ) STRICT;
  INSERT INTO images_in_order
    SELECT request_seq << 20 | position, organization_id, repository, digest
    FROM signing_request_images ORDER BY request_seq, position;
  DROP TABLE signing_request_images;
  ALTER TABLE images_in_order RENAME TO signing_request_images;
  CREATE INDEX signing_request_images_by_repository
    ON signing_request_images (organization_id, repository);
  CREATE INDEX signing_request_images_by_digest
    ON signing_request_images (place >> 30, substr(digest, 8, 12));
  DROP INDEX audit_events_by_type;
  CREATE INDEX audit_events_by_type ON audit_events (chain, type, number)
    WHERE type NOT IN ('SigningRequest.Submitted', 'SigningRequest.Signed');
  `,
  // Whether a row belongs into the index is asked with every new request: SQLite fills a temporary table to find a value in a
  // list of three.
  `
  DROP INDEX signing_requests_open;
  CREATE INDEX signing_requests_open ON signing_requests (status, seq)
    WHERE status = 'InProgress' OR status = 'WaitingForApproval' OR status = 'WaitingForArtifactUpload';
  `,
]
