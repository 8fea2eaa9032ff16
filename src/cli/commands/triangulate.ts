import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { resolveImage } from '../../registry/resolve-image.ts'
import { signatureTag } from '../../registry/signature-manifest.ts'
import type { CliContext } from '../context.ts'
import type { JsonFlag } from '../flags.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** `chancery triangulate`: where the signatures of an image are, whether there are any or not. */
export async function triangulate(
  this: CliContext,
  flags: RegistryFlags & JsonFlag,
  image: string,
): Promise<void> {
  const reference = parseReference(image)
  using client = await openRegistryClient(this, flags)
  const signal = AbortSignal.timeout(flags.timeout)
  const digest = reference.digest ?? (await resolveImage(client, reference, signal)).digest
  const signatures = `${referenceContext(reference)}:${signatureTag(digest)}`
  this.output.result(flags.json, { digest, signatures }, () => signatures)
}
