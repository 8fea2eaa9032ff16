import { ChanceryError } from '../../errors/chancery-error.ts'
import type { AuditQuery, AuditVerification } from '../../wire/audit.ts'
import { verifyAuditFile, type FileVerification } from '../audit-file.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import type { ServerFlags } from '../flags.ts'
import { OWNER_ONLY, writeUserFile } from '../local-files.ts'
import { formatTable } from '../text-table.ts'

/** The flags that choose audit events. */
export interface AuditFilterFlags extends ServerFlags {
  readonly type?: string
  readonly actor?: string
  readonly object?: string
  readonly digest?: string
  readonly repository?: string
  readonly from?: string
  readonly to?: string
  readonly after?: number
}

/** `chancery audit list` */
export async function listEvents(
  this: CliContext,
  flags: AuditFilterFlags & {
    readonly before?: number
    readonly limit?: number
    readonly oldestFirst?: boolean
  },
): Promise<void> {
  const client = await connect(this, flags)
  const { before, limit, oldestFirst } = flags
  const page = await client.listAuditEvents({
    ...queryOf(flags),
    ...(before === undefined ? {} : { before }),
    ...(limit === undefined ? {} : { limit }),
    ...(oldestFirst === true ? { order: 'asc' as const } : {}),
  })
  this.output.result(flags.json, page, () =>
    formatTable(
      ['NUMBER', 'AT', 'TYPE', 'BY', 'FROM', 'OBJECT'],
      page.events.map(({ number, at, type, metadata, objectId }) => [
        String(number),
        at,
        type,
        metadata.actor?.name ?? metadata.actor?.id ?? '',
        metadata.address ?? '',
        objectId ?? '',
      ]),
    ),
  )
  if (page.next !== null && flags.json !== true) {
    const flag = oldestFirst === true ? '--after' : '--before'
    this.output.progress(`there are more: ${flag} ${page.next}`)
  }
}

/** `chancery audit export` */
export async function exportEvents(
  this: CliContext,
  flags: Omit<AuditFilterFlags, 'json'> & {
    readonly format: 'jsonl' | 'csv'
    readonly output?: string
  },
): Promise<void> {
  const client = await connect(this, flags)
  const { bytes } = await client.exportAuditEvents(flags.format, queryOf(flags))
  if (flags.output === undefined) this.output.raw(bytes)
  else await writeUserFile(flags.output, bytes, OWNER_ONLY)
}

/** `chancery audit verify` */
export async function verifyEvents(
  this: CliContext,
  flags: ServerFlags & { readonly file?: string },
): Promise<void> {
  const verification: AuditVerification & Partial<FileVerification> =
    flags.file === undefined
      ? await (await connect(this, flags)).verifyAuditEvents()
      : await verifyAuditFile(flags.file)
  const { isIntact, events, headHash, brokenAt, reason } = verification
  if (flags.file !== undefined) {
    const { firstEvent = 1 } = verification
    if (firstEvent > 1) {
      this.output.warn(`the file begins with event ${firstEvent}; those before are not verified`)
    }
    this.output.progress('Actors are verified by their ids; the names beside them are not logged.')
  }
  this.output.result(flags.json, verification, () =>
    isIntact
      ? `${events} events, unbroken up to ${headHash}.`
      : `Broken at event ${brokenAt ?? '?'}.`,
  )
  if (isIntact) return
  throw new ChanceryError(
    'ERR_CLI_AUDIT_BROKEN',
    `the audit log does not hold together at event ${brokenAt ?? '?'}: ${reason ?? 'unknown'}`,
    {
      hints: [
        'Compare with an earlier export; events before that number are as they were written.',
      ],
    },
  )
}

function queryOf(flags: Omit<AuditFilterFlags, 'json'>): AuditQuery {
  const { type, actor, object, digest, repository, from, to, after } = flags
  return {
    ...(type === undefined ? {} : { type }),
    ...(actor === undefined ? {} : { actorId: actor }),
    ...(object === undefined ? {} : { objectId: object }),
    ...(digest === undefined ? {} : { digest }),
    ...(repository === undefined ? {} : { repository }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(after === undefined ? {} : { after }),
  }
}
