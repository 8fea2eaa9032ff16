import { ChanceryError } from '../../errors/chancery-error.ts'
import { SIGNATURE_FORMATS, type SignatureFormat } from '../../policy/signature-format.ts'
import type { MessageSigner } from './message-signer.ts'

/** The flags that say in which forms something is published. */
export interface FormatFlags {
  readonly signatureFormat?: SignatureFormat | 'both'
  /** Cosign's flag: true is the format `bundle`, false is `legacy`. */
  readonly newBundleFormat?: boolean
}

/**
 * The formats that were asked for, or else all that the signer signs.
 *
 * @throws ChanceryError ERR_CLI_USAGE if the flags contradict each other, or the signer does not sign so.
 */
export function chooseFormats(
  { signatureFormat, newBundleFormat }: FormatFlags,
  { signatureFormats, name }: MessageSigner,
): readonly SignatureFormat[] {
  const flag = newBundleFormat === true ? 'bundle' : 'legacy'
  const wanted = newBundleFormat === undefined ? signatureFormat : flag
  if (wanted === undefined && signatureFormats.length > 0) return signatureFormats
  const formats = SIGNATURE_FORMATS.filter((one) => wanted === 'both' || wanted === one)
  if (formats.length > 0 && formats.every((one) => signatureFormats.includes(one))) return formats
  const allowed = signatureFormats.length === 0 ? 'none' : signatureFormats.join(', ')
  throw usage(
    `expected a signature format that ${name} signs (${allowed})${wanted === undefined ? '' : `, found ${wanted}`}`,
    'Leave out --signature-format, or have the format added to signatureFormats of the signing policy.',
  )
}

/** @throws ChanceryError ERR_CLI_USAGE if both flags are there. */
export function requireOneFormat({ signatureFormat, newBundleFormat }: FormatFlags): void {
  if (signatureFormat === undefined || newBundleFormat === undefined) return
  throw usage('expected one of --signature-format and --new-bundle-format')
}

function usage(message: string, ...hints: readonly string[]): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}
