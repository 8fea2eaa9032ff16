import type { SignatureFormat } from '../../policy/signature-format.ts'

/** Something to sign: the bytes, and how people who look at a signing request find them. */
export interface MessageToSign {
  /** Of its own among those signed together; without directories. */
  readonly fileName: string
  readonly bytes: Uint8Array
}

/** Who signs: a server under a signing policy, or a key in a file. */
export interface MessageSigner {
  /** The key whose signatures count as there already: DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** What made the signatures, for messages. */
  readonly name: string
  /** The forms in which it signs images. */
  readonly signatureFormats: readonly SignatureFormat[]
  /**
   * The certificate of the key with those above it as far as there are any: DER, leaf first.
   *
   * @throws ChanceryError if there is none.
   */
  readChain(): Promise<readonly Uint8Array[]>
  /**
   * Signs all of the messages, or waits until that is decided.
   *
   * @param about What they are about, for messages: `3 images`.
   * @param rest The digest of an image that they are about, if they are what an earlier run has left: a signing request
   * of the last days that has signed all of them serves again.
   * @throws ChanceryError if none of them is signed.
   */
  sign(messages: readonly MessageToSign[], about: string, rest?: string): Promise<SignedMessages>
}

/** What came of signing. */
export interface SignedMessages {
  /** DER SubjectPublicKeyInfo of the key that signed. */
  readonly publicKey: Uint8Array
  /** In base64, by file name; undefined if nobody waited for them. What is missing was not signed. */
  readonly signatures: ReadonlyMap<string, string> | undefined
  /** When the signatures were made: the same for the same signatures, where they come from a server. */
  readonly signedAt: Date
  readonly signingRequest: SigningRequestSummary | undefined
}

/** The signing request that the signatures come from. */
export interface SigningRequestSummary {
  readonly id: string
  readonly status: string
  readonly webLink: string
}
