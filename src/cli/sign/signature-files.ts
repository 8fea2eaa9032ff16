import { ChanceryError } from '../../errors/chancery-error.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import { requireOtherFiles, writeUserFile } from '../local-files.ts'
import type { AttachedChain } from './attached-chain.ts'
import type { ImageToSign } from './image-to-sign.ts'
import type { MadeSignature } from './made-signature.ts'

/** Where what was signed goes, besides the registry; the names are Cosign's. */
export interface SignatureFileFlags {
  readonly outputPayload?: string
  readonly outputSignature?: string
  readonly outputCertificate?: string
  readonly bundle?: string
  readonly key?: string
  readonly certificate?: string
  readonly certificateChain?: string
  readonly attachCertificate?: boolean
  readonly wait: boolean
}

/**
 * Makes sure that no file is written over one that is read, the key above all, or over another one.
 *
 * @throws ChanceryError ERR_CLI_USAGE if two of them are one file.
 */
export function requireOwnFiles(flags: SignatureFileFlags): Promise<void> {
  const { key, certificate, certificateChain } = flags
  return requireOtherFiles([key, certificate, certificateChain], outputsOf(flags))
}

function outputsOf(flags: SignatureFileFlags): readonly (string | undefined)[] {
  const { outputPayload, outputSignature, outputCertificate, bundle } = flags
  return [outputPayload, outputSignature, outputCertificate, bundle]
}

/** Writes the signatures of one image to the files that the flags name. */
export class SignatureFiles {
  readonly #flags: SignatureFileFlags

  /** @throws ChanceryError ERR_CLI_USAGE if a file is asked for that cannot come about. */
  constructor(flags: SignatureFileFlags, formats: readonly SignatureFormat[]) {
    this.#flags = flags
    const { outputPayload, outputSignature, outputCertificate, bundle } = flags
    if (!this.#wantsAny()) return
    if (!flags.wait) throw usage('expected --output-* and --bundle without --no-wait')
    const wantsLegacy = outputPayload !== undefined || outputSignature !== undefined
    if (wantsLegacy && !formats.includes('legacy')) {
      throw usage('expected the format legacy with --output-payload and --output-signature')
    }
    if (bundle !== undefined && !formats.includes('bundle')) {
      throw usage('expected the format bundle with --bundle')
    }
    const isAttached = flags.certificate !== undefined || flags.attachCertificate === true
    if (outputCertificate !== undefined && !isAttached) {
      throw usage('expected --certificate or --attach-certificate with --output-certificate')
    }
  }

  /** @throws ChanceryError ERR_CLI_USAGE if files are asked for of more than one image. */
  requireOne(images: readonly ImageToSign[]): void {
    if (!this.#wantsAny() || images.length === 1) return
    throw usage(
      `expected one image with --output-* and --bundle, found ${images.length}`,
      '`chancery submit --output` writes a ZIP with all files and signatures.',
    )
  }

  /** Writes what belongs to one signature. */
  async write(
    image: ImageToSign,
    made: MadeSignature,
    chain: AttachedChain | undefined,
  ): Promise<void> {
    const { outputPayload, outputSignature, outputCertificate, bundle } = this.#flags
    if (outputCertificate !== undefined && chain !== undefined) {
      await writeUserFile(outputCertificate, new TextEncoder().encode(chain.certificate))
    }
    if (made.format === 'bundle') {
      if (bundle !== undefined) await writeUserFile(bundle, made.bundle)
      return
    }
    if (outputPayload !== undefined) await writeUserFile(outputPayload, image.payload)
    if (outputSignature !== undefined) {
      await writeUserFile(outputSignature, new TextEncoder().encode(made.signature))
    }
  }

  #wantsAny(): boolean {
    return outputsOf(this.#flags).some((path) => path !== undefined)
  }
}

function usage(message: string, ...hints: readonly string[]): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}
