import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { readImageTree } from '../../registry/image-tree.ts'
import {
  planRemoval,
  removeArtifacts,
  type Removal,
  type RemovalKind,
} from '../../registry/remove-artifacts.ts'
import { repositorySource } from '../../registry/repository-store.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery clean`. */
export interface CleanFlags extends RegistryFlags, JsonFlag {
  readonly type: RemovalKind
  readonly force?: boolean
  readonly dryRun?: boolean
}

/** `chancery clean`: tells what is removed, asks, removes it; a second run finds nothing. */
export async function clean(this: CliContext, flags: CleanFlags, image: string): Promise<void> {
  const reference = parseReference(image)
  using client = await openRegistryClient(this, flags, [reference])
  const signal = new Deadline(flags.timeout).signal
  const source = repositorySource(client, reference, signal)
  const tree = await readImageTree(source, reference.digest ?? reference.tag ?? 'latest')
  const { digest } = tree.pulled
  const removals = planRemoval(tree, flags.type)
  const name = `${referenceContext(reference)}@${digest}`
  for (const removal of removals) this.output.progress(describeRemoval(removal))
  const isDryRun = flags.dryRun === true
  if (removals.length > 0 && !isDryRun) {
    if (flags.force !== true) await requireAgreement(this, name)
    await removeArtifacts(client, reference, digest, removals, signal)
  }
  const verb = isDryRun ? 'would be removed' : 'removed'
  this.output.progress(`${name}: ${removals.length} ${verb}`)
  this.output.result(flags.json, { image: name, isDryRun, removed: removals }, () => '')
}

function describeRemoval({ kind, tag, digest }: Removal): string {
  return tag === undefined ? `${kind} ${digest}` : `${kind} ${digest} under ${tag}`
}

async function requireAgreement(context: CliContext, name: string): Promise<void> {
  const question = `Remove this from ${name}? Type "yes": `
  const { terminal } = context
  if (terminal === undefined) context.output.progress(question)
  const given = await (terminal?.ask(question) ?? context.readStandardInput())
  const answer = given.trim().toLowerCase()
  if (answer === 'yes' || answer === 'y') return
  throw new ChanceryError('ERR_CLI_USAGE', 'expected "yes" on standard input; nothing is removed', {
    hints: ['With --force nobody is asked; --dry-run only tells.'],
  })
}
