import type { ChanceryError } from '../../errors/chancery-error.ts'
import { attachSignature } from '../../registry/attach-signature.ts'
import type { SeenSignatures } from '../../registry/find-signature.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { verifyResolvedImage } from '../../registry/verify-image.ts'
import { verifySimpleSigningSignature } from '../../verify/simple-signing-signature.ts'
import type { Output } from '../output.ts'
import type { ImageToSign } from './image-to-sign.ts'

/** What became of the signature of one image. */
export interface PublishedImage {
  readonly image: string
  readonly digest: string
  readonly outcome: 'attached' | 'already-signed' | 'signed' | 'submitted' | 'failed'
  readonly error?: { readonly code: string; readonly message: string }
}

/** What is published, and with which annotations. */
export interface SignatureOfImage {
  readonly image: ImageToSign
  /** Base64. */
  readonly signature: string
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  readonly annotations: Readonly<Record<string, string>>
  /** Whether another signature of this key over the same is attached beside the one that is there. */
  readonly isForced: boolean
  /** What signatures the image had a moment ago. */
  readonly seen: SeenSignatures | undefined
}

/**
 * Attaches a signature, reads the image's signatures back and verifies them, as anyone would.
 *
 * @throws ChanceryError what {@link attachSignature} and {@link verifyResolvedImage} throw.
 */
export async function publishSignature(
  output: Output,
  client: RegistryClient,
  { image, signature, publicKey, annotations, isForced, seen }: SignatureOfImage,
  signal: AbortSignal,
): Promise<PublishedImage> {
  const { payload, name } = image
  const expected = { digest: image.image.digest, repositories: 'any' } as const
  verifySimpleSigningSignature({ payload, signature, publicKey }, expected)
  const options = isForced ? { signal } : { publicKey, signal, seen }
  const attached = await attachSignature(client, image.image, { payload, signature }, options)
  const already = attached.outcome === 'already-attached'
  output.progress(
    already ? `already signed: ${name}` : `attached: ${name}, which has ${attached.signatures} now`,
  )
  await verifyResolvedImage(client, image.image, { publicKey, annotations, signal }, attached.found)
  output.progress(`verified: ${name}`)
  const outcome = already ? 'already-signed' : 'attached'
  return { image: name, digest: image.image.digest, outcome }
}

/** The outcome of an image whose signature could not be published. */
export function failedImage(image: ImageToSign, { code, message }: ChanceryError): PublishedImage {
  return {
    image: image.name,
    digest: image.image.digest,
    outcome: 'failed',
    error: { code, message },
  }
}
