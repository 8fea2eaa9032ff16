import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { verifySimpleSigningSignature } from '../verify/simple-signing-signature.ts'
import type { PulledManifest, RegistryClient } from './registry-client.ts'
import type { ImageByDigest } from './resolve-image.ts'
import {
  evidenceOf,
  layersOfSignatures,
  signatureTag,
  signatureTextOf,
} from './signature-manifest.ts'

/** The signatures of an image, as somebody saw them. */
export interface SeenSignatures {
  /** What the tag of signatures held; undefined if there was none. */
  readonly found: PulledManifest | undefined
}

/** What {@link findSignature} found. */
export interface FoundSignature extends SeenSignatures {
  /** The text of the signature; undefined if the image has none like this. */
  readonly signature: string | undefined
}

/** How a signature is looked for. */
export interface FindOptions {
  /** PEM: only a signature with this certificate attached counts. */
  readonly certificate?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Looks for the signature of a key over a metadata file that an image has already. The metadata file need not be read:
 * its digest says that it is the same.
 *
 * @param publicKey DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if the tag of signatures holds something else; besides, what
 * {@link RegistryClient} throws.
 */
export async function findSignature(
  client: RegistryClient,
  image: ImageByDigest,
  payload: Uint8Array,
  publicKey: Uint8Array,
  { certificate, signal }: FindOptions = {},
): Promise<FoundSignature> {
  const tag = signatureTag(image.digest)
  const found = await client.findManifest(image.repository, tag, signal)
  if (found === undefined) return { found, signature: undefined }
  const payloadDigest = `sha256:${sha256Hex(payload)}`
  const expected = { digest: image.digest, repositories: 'any' } as const
  for (const layer of layersOfSignatures(found.manifest)) {
    const signature = signatureTextOf(layer)
    if (layer.digest !== payloadDigest || signature === undefined) continue
    if (certificate !== undefined && evidenceOf(layer).certificate !== certificate) continue
    try {
      verifySimpleSigningSignature({ payload, signature, publicKey }, expected)
      return { found, signature }
    } catch (error) {
      if (!(error instanceof ChanceryError) || error.code === 'ERR_CRYPTO_KEY') throw error
    }
  }
  return { found, signature: undefined }
}
