import { ALGORITHMS } from '../../crypto/algorithms.ts'
import { LocalSigner } from '../../crypto/local-signer.ts'
import { encodeBase64 } from '../../format/base64.ts'
import { NIL_GUID } from '../../format/guid.ts'
import type { PrivateKeyFile } from '../../keys/key-file.ts'
import type { CliContext } from '../context.ts'
import type { ImageSigner } from './image-signer.ts'

/** Signs with the key of a file, in this process. */
export function createKeySigner(
  context: CliContext,
  { privateKey, algorithm, publicKey }: PrivateKeyFile,
  path: string,
): ImageSigner {
  for (const warning of ALGORITHMS[algorithm].warnings) context.output.warn(warning)
  const signer = new LocalSigner(NIL_GUID, privateKey)
  const scheme = { hash: ALGORITHMS[algorithm].defaultHash, rsaPadding: 'pkcs1' } as const
  return {
    publicKey,
    name: path,
    async sign(images) {
      const signatures = new Map<string, string>()
      for (const { name, payload } of images) {
        signatures.set(name, encodeBase64(await signer.sign(payload, scheme)))
      }
      return { publicKey, signatures, signingRequest: undefined }
    },
  }
}
