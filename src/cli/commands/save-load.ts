import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { readImageTree } from '../../registry/image-tree.ts'
import { openOciLayout } from '../../registry/oci-layout.ts'
import { repositorySink, repositorySource } from '../../registry/repository-store.ts'
import { transferImage } from '../../registry/transfer-image.ts'
import { createOciLayout } from '../../registry/write-oci-layout.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openReadingClient, openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { describeReport } from './copy.ts'

/** The flags of `chancery save` and `load`. */
export interface DirectoryFlags extends RegistryFlags, JsonFlag {
  readonly dir: string
}

/** `chancery save`: the image with all that belongs to it, into an empty directory. */
export async function save(this: CliContext, flags: DirectoryFlags, image: string): Promise<void> {
  const reference = parseReference(image)
  using client = await openReadingClient(this, flags, [reference])
  const source = repositorySource(client, reference, new Deadline(flags.timeout).signal)
  const tree = await readImageTree(source, reference.digest ?? reference.tag ?? 'latest')
  const writer = await createOciLayout(flags.dir)
  const tag = reference.digest === undefined ? (reference.tag ?? 'latest') : reference.tag
  const report = await writer.receive(tree, source, tag)
  this.output.progress(describeReport(flags.dir, report))
  this.output.result(flags.json, { directory: flags.dir, ...report }, () => '')
}

/** `chancery load`: a saved image to a registry; its tag is moved, as with any push. */
export async function load(this: CliContext, flags: DirectoryFlags, image: string): Promise<void> {
  const reference = parseReference(image)
  await using layout = await openOciLayout(flags.dir, undefined, flags.maxAttachedSize)
  if (reference.digest !== undefined && reference.digest !== layout.digest) {
    throw new ChanceryError(
      'ERR_CLI_USAGE',
      `expected an image without a digest, or with ${layout.digest}, which is in the directory`,
    )
  }
  using client = await openRegistryClient(this, flags, [reference])
  const signal = new Deadline(flags.timeout).signal
  const tree = await readImageTree(layout, layout.digest)
  const tag = reference.digest === undefined ? (reference.tag ?? 'latest') : undefined
  const report = await transferImage(
    tree,
    layout,
    repositorySink(client, reference, signal),
    repositorySource(client, reference, signal),
    { tag },
  )
  const name = `${referenceContext(reference)}@${layout.digest}`
  this.output.progress(describeReport(name, report))
  this.output.result(flags.json, { image: name, ...report }, () => '')
}
