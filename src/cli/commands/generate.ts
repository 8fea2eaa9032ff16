import { ChanceryError } from '../../errors/chancery-error.ts'
import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../format/dsse.ts'
import { encodeImageStatement } from '../../format/image-statement.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { generatePayload, resolveImage } from '../../registry/resolve-image.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery generate`. */
export interface GenerateFlags extends RegistryFlags {
  readonly annotations?: readonly string[]
  readonly statement?: boolean
  readonly pae?: boolean
}

/** `chancery generate`: what is signed on stdout, byte for byte; for a tag, the digest it means on stderr. */
export async function generate(
  this: CliContext,
  flags: GenerateFlags,
  image: string,
): Promise<void> {
  if (flags.statement === true && flags.pae === true) {
    throw new ChanceryError('ERR_CLI_USAGE', 'expected one of --statement and --pae')
  }
  const annotations = parseAnnotations(flags.annotations ?? [])
  const reference = parseReference(image)
  const signal = new Deadline(flags.timeout).signal
  using client = await openRegistryClient(this, flags, [reference])
  const digest = reference.digest ?? (await resolveImage(client, reference, signal)).digest
  if (reference.digest === undefined) {
    this.output.progress(`${image} is ${referenceContext(reference)}@${digest}`)
  }
  if (flags.statement !== true && flags.pae !== true) {
    this.output.raw(await generatePayload(client, { ...reference, digest }, annotations, signal))
    return
  }
  const name = referenceContext(reference)
  const statement = encodeImageStatement({ name, manifestDigest: digest, annotations })
  this.output.raw(flags.pae === true ? encodePae(IN_TOTO_PAYLOAD_TYPE, statement) : statement)
}
