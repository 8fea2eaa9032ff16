import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { tagOf, type TaggedKind } from '../../registry/image-tree.ts'
import { resolveImage } from '../../registry/resolve-image.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery triangulate`. */
export interface TriangulateFlags extends RegistryFlags, JsonFlag {
  /** What is looked for, in Cosign's words. */
  readonly type: TaggedKind | 'digest'
}

/** `chancery triangulate`: where something of an image is, whether there is any or not; or the image by its digest. */
export async function triangulate(
  this: CliContext,
  { type, ...flags }: TriangulateFlags,
  image: string,
): Promise<void> {
  const reference = parseReference(image)
  using client = await openRegistryClient(this, flags, [reference])
  const signal = new Deadline(flags.timeout).signal
  const digest = reference.digest ?? (await resolveImage(client, reference, signal)).digest
  const name = referenceContext(reference)
  const location = type === 'digest' ? `${name}@${digest}` : `${name}:${tagOf(digest, type)}`
  this.output.result(flags.json, { digest, type, location }, () => location)
}
