import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { appraisedIn, appraiseTree, type AppraisedTree } from '../../registry/appraise-tree.ts'
import type { ArtifactSource } from '../../registry/artifact-store.ts'
import { readImageTree } from '../../registry/image-tree.ts'
import { openOciLayout } from '../../registry/oci-layout.ts'
import { isOfTransport } from '../../registry/refused-signatures.ts'
import { repositorySource } from '../../registry/repository-store.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import { parseLayoutName } from '../layout-name.ts'
import { userFileExists } from '../local-files.ts'
import { openReadingClient } from '../registry-access.ts'
import { drawTree } from '../tree/drawn-tree.ts'
import { printTree } from '../tree/tree-document.ts'
import { TRUST_FLAGS } from '../trust-flags.ts'
import { readRequirements, type SignatureFlags } from '../verify/named-images.ts'

/** The flags of `chancery tree`. */
export interface TreeFlags extends SignatureFlags {
  /** Whether the images that an index lists are looked into. */
  readonly recursive: boolean
}

/**
 * `chancery tree`: what belongs to an image; of signatures and attestations what they claim or, where it is said whom to
 * trust, who signed, when, and whether that holds. It is a display: its outcome is that all of it could be read, whatever is
 * shown.
 */
export async function tree(this: CliContext, flags: TreeFlags, image: string): Promise<void> {
  const isChecked = hasTrust(flags)
  const requirements = isChecked ? await readRequirements(flags, []) : undefined
  const show = async (source: ArtifactSource, reference: string, name: string) => {
    const reading = { allowsUnread: true, readsChildren: flags.recursive }
    const found = await readImageTree(source, reference, reading)
    const appraised = await appraiseTree(source, found, requirements)
    const document = printTree(`${name}@${found.pulled.digest}`, appraised, isChecked)
    this.output.result(flags.json, document, () => drawTree(name, appraised, isChecked).join('\n'))
    const obstacle = obstacleIn(appraised)
    if (obstacle !== undefined) throw obstacle
  }
  if (flags.localImage === true) {
    const { path, image: wanted } = parseLayoutName(image, await userFileExists(image))
    await using layout = await openOciLayout(path, wanted, flags.maxAttachedSize)
    await show(layout, layout.digest, path)
    return
  }
  const reference = parseReference(image)
  using client = await openReadingClient(this, flags, [reference])
  const source = repositorySource(client, reference, new Deadline(flags.timeout).signal)
  const name = reference.digest ?? reference.tag ?? 'latest'
  await show(source, name, referenceContext(reference))
}

/**
 * Whether it is said whom to trust.
 *
 * @throws ChanceryError ERR_CLI_USAGE if it is not, but what else is required.
 */
function hasTrust(flags: TreeFlags): boolean {
  const names = Object.keys(TRUST_FLAGS) as (keyof typeof TRUST_FLAGS)[]
  const isChecked = names.some((name) => flags[name] !== undefined)
  const isMore = flags.allowIdentity !== undefined || flags.requireIdentity === true
  if (isChecked || !isMore) return isChecked
  throw new ChanceryError(
    'ERR_CLI_USAGE',
    'expected --allow-identity and --require-identity together with whom to trust',
    { hints: ['Say --key FILE, for example: without it nothing is verified.'] },
  )
}

/** What kept something from being read, on the way to it: the same command may show more later. */
function obstacleIn(tree: AppraisedTree): ChanceryError | undefined {
  const unread = (one: AppraisedTree): readonly ChanceryError[] => [
    ...one.tree.unread.map(({ error }) => error),
    ...[...one.referrers, ...one.children].flatMap(unread),
  ]
  const verdicts = appraisedIn(tree).flatMap(({ verdict }) =>
    verdict.kind === 'unreadable' ? [verdict.error] : [],
  )
  return [...unread(tree), ...verdicts].find(isOfTransport)
}
