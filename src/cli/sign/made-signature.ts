import { sha256 } from '../../crypto/digest.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { decodeBase64 } from '../../format/base64.ts'
import { encodeBundle, publicKeyHint } from '../../format/bundle-writer.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../../format/image-statement.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import { isWanted, type WantedBundle } from '../../registry/find-bundle.ts'
import { verifySimpleSigningSignature } from '../../verify/simple-signing-signature.ts'
import type { AttachedChain } from './attached-chain.ts'
import type { ImageToSign } from './image-to-sign.ts'
import type { SignedMessages } from './message-signer.ts'

/** The signature of an image in one of its forms, as it is published. */
export type MadeSignature =
  /** Over the metadata file, in base64. */
  | { readonly format: 'legacy'; readonly signature: string }
  /** JSON. */
  | { readonly format: 'bundle'; readonly bundle: Uint8Array }

/** Whose signature it is. */
export interface SignatureOwner {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** What is attached with it; undefined if verifiers have the key. */
  readonly chain: AttachedChain | undefined
}

/** The bundle that is the signature of this owner over an image. */
export function wantedBundle(
  { statement }: ImageToSign,
  { publicKey, chain }: SignatureOwner,
): WantedBundle {
  const predicateType = COSIGN_SIGNATURE_PREDICATE
  return { statement, predicateType, publicKey, certificate: chain?.leaf }
}

/** Puts a signature over what DSSE signs into a bundle. @param signature Base64. */
export function makeBundle(
  { statement }: Pick<ImageToSign, 'statement'>,
  signature: string,
  { publicKey, chain }: SignatureOwner,
): Uint8Array {
  return encodeBundle(
    chain === undefined
      ? { kind: 'publicKey', hint: publicKeyHint(sha256(publicKey)) }
      : { kind: 'certificate', certificate: chain.leaf },
    { kind: 'statement', payload: statement, signature: decodeBase64(signature) },
  )
}

/**
 * Puts a signature into the form that is published, and verifies it, whoever made it.
 *
 * @param signature Base64.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if it is not one of the owner's key over the image; ERR_CRYPTO_KEY if the key
 * cannot be used.
 */
export function makeSignature(
  image: ImageToSign,
  format: SignatureFormat,
  signature: string,
  owner: SignatureOwner,
): MadeSignature {
  if (format === 'legacy') {
    const { payload } = image
    const { publicKey } = owner
    const expected = { digest: image.image.digest, repositories: [image.context] }
    verifySimpleSigningSignature({ payload, signature, publicKey }, expected)
    return { format, signature }
  }
  const bundle = makeBundle(image, signature, owner)
  if (isWanted(bundle, image.image, wantedBundle(image, owner))) return { format, bundle }
  throw new ChanceryError(
    'ERR_VERIFY_SIGNATURE',
    `expected a signature over the statement of ${image.name}, found one that does not verify`,
  )
}

/** A request that was made before may have been signed with the key the policy had then. @throws ChanceryError ERR_CLI_NOT_SIGNED if so. */
export function requireSameKey(
  { publicKey }: SignedMessages,
  { publicKey: own, chain }: SignatureOwner,
) {
  if (chain === undefined || Buffer.compare(publicKey, own) === 0) return
  throw new ChanceryError(
    'ERR_CLI_NOT_SIGNED',
    'expected signatures of the key that the certificate is for, found those of another key',
    { hints: ['The signing policy has another certificate now: --force makes a new request.'] },
  )
}
