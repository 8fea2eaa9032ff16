import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../format/dsse.ts'
import { encodeImageStatement } from '../../format/image-statement.ts'
import { encodeSimpleSigning } from '../../format/simple-signing.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import type { MessageToSign } from './message-signer.ts'
import type { NamedImage } from './named-images.ts'

/** An image that is to be signed. */
export interface ImageToSign extends NamedImage {
  /** The metadata file: what is signed in the legacy format. */
  readonly payload: Uint8Array
  /** The in-toto statement: what a bundle holds. */
  readonly statement: Uint8Array
  /** What is signed for each format: the metadata file, and what DSSE signs for the statement. */
  readonly messages: Readonly<Record<SignatureFormat, MessageToSign>>
}

/** Makes what is signed for an image. */
export function prepareImage(
  named: NamedImage,
  annotations: Readonly<Record<string, string>>,
): ImageToSign {
  const { context, image, fileName } = named
  const content = { manifestDigest: image.digest, annotations }
  const payload = encodeSimpleSigning({ dockerReference: context, ...content })
  const statement = encodeImageStatement({ name: context, ...content })
  const messages = {
    legacy: { fileName: `${fileName}.json`, bytes: payload },
    bundle: { fileName: `${fileName}.dsse`, bytes: encodePae(IN_TOTO_PAYLOAD_TYPE, statement) },
  }
  return { ...named, payload, statement, messages }
}
