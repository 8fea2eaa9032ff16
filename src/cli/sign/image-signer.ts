import type { ImageToSign } from './image-to-sign.ts'

/** Who signs images: a server under a signing policy, or a key in a file. */
export interface ImageSigner {
  /** The key whose signatures count as there already: DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** What made the signatures, for messages. */
  readonly name: string
  /**
   * Signs all of the images, or waits until that is decided.
   *
   * @throws ChanceryError if none of them is signed.
   */
  sign(images: readonly ImageToSign[]): Promise<SignedImages>
}

/** What came of signing. */
export interface SignedImages {
  /** DER SubjectPublicKeyInfo of the key that signed. */
  readonly publicKey: Uint8Array
  /** In base64, by the name of the image; undefined if nobody waited for them. */
  readonly signatures: ReadonlyMap<string, string> | undefined
  readonly signingRequest: SigningRequestSummary | undefined
}

/** The signing request that the signatures come from. */
export interface SigningRequestSummary {
  readonly id: string
  readonly status: string
  readonly webLink: string
}
