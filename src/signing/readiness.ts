import type { Statement } from '../db/ledger.ts'
import { NIL_GUID } from '../format/guid.ts'
import { insertIdempotencyKey } from './request-store.ts'
import type { SigningContext } from './signing-context.ts'

/** Whether signing requests can be signed now. */
export interface SigningReadiness {
  /** The store takes a change: its disk has room and works. */
  readonly store: boolean
  /** The key of every certificate that a signing policy could use now opens. */
  readonly keys: boolean
}

const PROBE = 'readiness'

/** Writes to the disk and leaves nothing behind. A change of nothing would be kept even by a full disk. */
const WRITE: readonly Statement[] = [
  insertIdempotencyKey(NIL_GUID, PROBE, new Uint8Array(), NIL_GUID, 0),
  {
    sql: 'DELETE FROM idempotency_keys WHERE submitter_id = ? AND key = ?',
    parameters: [NIL_GUID, PROBE],
    expectChanges: 1,
  },
]

/**
 * Tries out what a signature takes. Costs one shared commit and, for keys that are open already, a look-up each.
 *
 * @param report Told why something is not ready.
 */
export async function checkReadiness(
  context: SigningContext,
  report: (what: string, error: unknown) => void,
): Promise<SigningReadiness> {
  const store = await context.ledger.note(WRITE).then(
    () => true,
    (error: unknown) => {
      report('readiness: the store', error)
      return false
    },
  )
  let keys = true
  for (const keyId of listUsedKeys(context)) {
    try {
      context.signers.openSigner(keyId)
    } catch (error) {
      report(`readiness: the key ${keyId}`, error)
      keys = false
    }
  }
  return { store, keys }
}

/** The keys of active certificates of active signing policies of active projects, in all organizations. */
function listUsedKeys({ catalog }: SigningContext): ReadonlySet<string> {
  const keyIds = new Set<string>()
  for (const organization of catalog.listOrganizations()) {
    for (const project of catalog.list('project', organization.id)) {
      if (!project.isActive) continue
      for (const policy of catalog.list('signing-policy', project.id)) {
        const certificate = catalog.find('certificate', policy.certificateId)
        if (policy.isActive && certificate?.isActive === true) keyIds.add(certificate.keyId)
      }
    }
  }
  return keyIds
}
