import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { generatePayload, resolveImage } from '../../registry/resolve-image.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import { openRegistryClient, type RegistryFlags } from '../registry-access.ts'

/** The flags of `chancery generate`. */
export interface GenerateFlags extends RegistryFlags {
  readonly annotations?: readonly string[]
}

/** `chancery generate`: the payload on stdout, byte for byte; for a tag, the digest it means on stderr. */
export async function generate(
  this: CliContext,
  flags: GenerateFlags,
  image: string,
): Promise<void> {
  const annotations = parseAnnotations(flags.annotations ?? [])
  const reference = parseReference(image)
  const signal = AbortSignal.timeout(flags.timeout)
  using client = await openRegistryClient(flags)
  const digest = reference.digest ?? (await resolveImage(client, reference, signal)).digest
  if (reference.digest === undefined) {
    this.output.progress(`${image} is ${referenceContext(reference)}@${digest}`)
  }
  this.output.raw(await generatePayload(client, { ...reference, digest }, annotations, signal))
}
