import { join } from 'node:path'
import { checkConfiguration } from '../administration/check-configuration.ts'
import { verifyStoredLog } from '../audit/verify-audit-log.ts'
import { Catalog } from '../catalog/catalog.ts'
import type { FsckReport } from '../cli/services.ts'
import { inspectStore } from '../db/open-store.ts'
import type { Reader } from '../db/ledger.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { ApiTokens } from '../identity/api-tokens.ts'
import { loadMasterKey, type MasterKeySource } from '../keys/master-key.ts'
import { SoftwareKeyStore } from '../keys/software-key-store.ts'
import { ArtifactStore } from '../signing/artifact-store.ts'
import { checkRequests } from '../signing/check-requests.ts'
import { RequestStore } from '../signing/request-store.ts'

/**
 * Examines a data directory that nobody has open: the database file, the configuration, every key, every signing
 * request and every audit log. Changes nothing.
 *
 * @throws ChanceryError as `openAuthority`, where it cannot even be opened.
 */
export async function fsckAuthority(options: {
  readonly dataDirectory: string
  readonly masterKey: MasterKeySource | undefined
}): Promise<FsckReport> {
  const { dataDirectory } = options
  if (options.masterKey === undefined) {
    throw new ChanceryError('ERR_KEYS_MASTER_KEY_SOURCE', 'expected the master key, found none', {
      hints: ['without it neither the keys nor the ends of the audit logs can be checked'],
    })
  }
  const masterKey = await loadMasterKey(options.masterKey, dataDirectory)
  const auditKey = masterKey.deriveSubkey('audit head')
  using store = inspectStore(dataDirectory)
  const { reader } = store
  const catalog = Catalog.load(reader)
  ApiTokens.load(reader)
  const problems = [...databaseProblems(reader), ...checkConfiguration(reader)]

  const keys = reader.all<{ key_id: string }>('SELECT key_id FROM software_keys')
  problems.push(...keyProblems(new SoftwareKeyStore(reader, masterKey), keys))

  const requests = await checkRequests({
    catalog,
    reader,
    requests: new RequestStore(reader),
    artifacts: await ArtifactStore.open(reader, join(dataDirectory, 'artifacts')),
  })
  problems.push(...requests.problems)

  let events = 0
  const logs = logsOf(reader, catalog)
  for (const organizationId of logs) {
    const log = await verifyStoredLog(reader, auditKey, organizationId)
    events += log.events
    if (log.isIntact) continue
    problems.push(`audit log of ${organizationId}: event ${log.brokenAt ?? 0}: ${log.reason ?? ''}`)
  }
  return {
    checked: {
      keys: keys.length,
      signingRequests: requests.requests,
      signatures: requests.signatures,
      auditLogs: logs.size,
      auditEvents: events,
    },
    problems,
  }
}

/** The organizations with a log, and those that must have one: making an organization is its first event. */
function logsOf(reader: Reader, catalog: Catalog): ReadonlySet<string> {
  const rows = reader.all<{ organization_id: string }>('SELECT organization_id FROM audit_chains')
  return new Set([
    ...rows.map((row) => row.organization_id),
    ...catalog.listOrganizations().map(({ id }) => id),
  ])
}

function databaseProblems(reader: Reader): readonly string[] {
  return reader
    .all<{ integrity_check: string }>('PRAGMA integrity_check')
    .map((row) => row.integrity_check)
    .filter((line) => line !== 'ok')
    .map((line) => `database: ${line}`)
}

function keyProblems(
  keyStore: SoftwareKeyStore,
  keys: readonly { key_id: string }[],
): readonly string[] {
  return keys.flatMap(({ key_id }) => {
    try {
      keyStore.openSigner(key_id)
      return []
    } catch {
      return [`key ${key_id}: cannot be opened`]
    }
  })
}
