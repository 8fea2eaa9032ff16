import { ChanceryError } from '../../errors/chancery-error.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import type { Output } from '../output.ts'
import type { ImageToSign } from './image-to-sign.ts'
import type { ImageLook } from './look-for-signatures.ts'
import { makeSignature, type MadeSignature } from './made-signature.ts'
import type { SignedMessages } from './message-signer.ts'
import type { NamedImage } from './named-images.ts'
import { publishSignature, type Publication, type SignatureOutcome } from './publish-signature.ts'
import { EVERY_FILE } from './server-signer.ts'

/** What became of the signatures of one image. */
export interface SignedImage {
  readonly image: string
  readonly digest: string
  /** Of all formats together: the worst, or `attached` if any was, or else `already-signed`. */
  readonly outcome: SignatureOutcome['outcome']
  readonly signatures: readonly SignatureOutcome[]
  readonly error?: { readonly code: string; readonly message: string }
}

/** An outcome with the error behind it, if there is one. */
export interface ImageResult {
  readonly signed: SignedImage
  readonly error?: ChanceryError
}

/** How the signatures of images are published; `undefined` if they are not. */
export interface PublishTo {
  readonly output: Output
  readonly client: RegistryClient
  readonly isPublished: boolean
  /** Called with each signature, which is verified, before it is published. */
  readonly onMade: (image: ImageToSign, made: MadeSignature) => Promise<void>
}

/**
 * Publishes what was signed for one image. What fails for one format fails for that one; where the registry does not let
 * the tag of signatures be changed, the bundle alone suffices.
 */
export async function publishImage(
  { output, client, isPublished, onMade }: PublishTo,
  look: ImageLook,
  signed: SignedMessages,
  publication: Publication,
): Promise<ImageResult> {
  const { image, there, missing, seen } = look
  const outcomes: SignatureOutcome[] = there.map(({ format }) => ({
    format,
    outcome: 'already-signed',
  }))
  const errors: ChanceryError[] = []
  for (const format of missing) {
    try {
      const { fileName } = image.messages[format]
      const signature = signed.signatures?.get(fileName)
      if (signature === undefined) throw leftOut(fileName, format)
      const made = makeSignature(image, format, signature, publication)
      await onMade(image, made)
      outcomes.push(
        isPublished
          ? await publishSignature(output, client, image, made, publication, seen)
          : { format, outcome: 'signed' },
      )
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error
      outcomes.push({ format, outcome: 'failed' })
      errors.push(error)
    }
  }
  return settle(output, image, outcomes, errors)
}

/** What became of an image of which all formats were tried; says so. */
export function settle(
  output: Output,
  image: NamedImage,
  outcomes: readonly SignatureOutcome[],
  errors: readonly ChanceryError[],
): ImageResult {
  const hasBundle = outcomes.some(({ format, outcome }) => format === 'bundle' && isThere(outcome))
  const [error] = errors
  if (error === undefined) {
    if (outcomes.some(({ outcome }) => outcome === 'attached')) {
      output.progress(`verified: ${image.name}`)
    }
    return { signed: imageOf(image, outcomes) }
  }
  if (errors.length === 1 && error.code === 'ERR_REGISTRY_IMMUTABLE_TAG' && hasBundle) {
    output.progress(
      `not attached under a tag, which this registry keeps as it is; the bundle alone is: ${image.name}`,
    )
    const kept = outcomes.map((one): SignatureOutcome =>
      one.outcome === 'failed' ? { ...one, outcome: 'not-attached' } : one,
    )
    output.progress(`verified: ${image.name}`)
    return { signed: imageOf(image, kept) }
  }
  output.progress(`FAILED ${image.name}: ${error.message} (${error.code})`)
  const { code, message } = error
  return { signed: { ...imageOf(image, outcomes), error: { code, message } }, error }
}

function isThere(outcome: SignatureOutcome['outcome']): boolean {
  return outcome === 'attached' || outcome === 'already-signed'
}

/** An image whose signatures all have one outcome, or the ones given. */
export function imageOf(
  { name, image: { digest } }: NamedImage,
  signatures: readonly SignatureOutcome[],
): SignedImage {
  const outcomes = signatures.map(({ outcome }) => outcome)
  const order = ['failed', 'submitted', 'attached', 'signed', 'already-signed'] as const
  const outcome = order.find((one) => outcomes.includes(one)) ?? 'already-signed'
  return { image: name, digest, outcome, signatures }
}

function leftOut(fileName: string, format: string): ChanceryError {
  return new ChanceryError(
    'ERR_CLI_NOT_SIGNED',
    `expected a signature of ${fileName}, found none`,
    {
      hints: [
        `The artifact configuration of the project leaves this file out. ${EVERY_FILE}`,
        ...(format === 'bundle' ? ['Without bundles: --signature-format legacy.'] : []),
      ],
    },
  )
}
