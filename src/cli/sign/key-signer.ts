import { ALGORITHMS } from '../../crypto/algorithms.ts'
import { LocalSigner } from '../../crypto/local-signer.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { encodeBase64 } from '../../format/base64.ts'
import { NIL_GUID } from '../../format/guid.ts'
import type { PrivateKeyFile } from '../../keys/key-file.ts'
import { SIGNATURE_FORMATS } from '../../policy/signature-format.ts'
import { extractCertificates } from '../../x509/certificate-file.ts'
import type { CliContext } from '../context.ts'
import { aboutFile, readUserFile } from '../local-files.ts'
import type { MessageSigner } from './message-signer.ts'

/** The files with the certificate of a key, as Cosign's flags name them. */
export interface CertificateFiles {
  readonly certificate?: string
  readonly certificateChain?: string
}

const MAX_FILE_BYTES = 1024 * 1024

/** Signs with the key of a file, in this process. */
export function createKeySigner(
  context: CliContext,
  { privateKey, algorithm, publicKey }: PrivateKeyFile,
  path: string,
  files: CertificateFiles,
): MessageSigner {
  for (const warning of ALGORITHMS[algorithm].warnings) context.output.warn(warning)
  const signer = new LocalSigner(NIL_GUID, privateKey)
  const scheme = { hash: ALGORITHMS[algorithm].defaultHash, rsaPadding: 'pkcs1' } as const
  return {
    publicKey,
    name: path,
    signatureFormats: SIGNATURE_FORMATS,
    readChain: () => readCertificates(files),
    async sign(messages) {
      const signatures = new Map<string, string>()
      for (const { fileName, bytes } of messages) {
        signatures.set(fileName, encodeBase64(await signer.sign(bytes, scheme)))
      }
      return { publicKey, signatures, signedAt: new Date(), signingRequest: undefined }
    },
  }
}

async function readCertificates(files: CertificateFiles): Promise<readonly Uint8Array[]> {
  const certificates: Uint8Array[] = []
  for (const path of [files.certificate, files.certificateChain]) {
    if (path === undefined) continue
    const bytes = await readUserFile(path, MAX_FILE_BYTES)
    certificates.push(...(await aboutFile(path, () => extractCertificates(bytes))))
  }
  if (certificates.length > 0) return certificates
  throw new ChanceryError('ERR_CLI_USAGE', 'expected --certificate with the certificate of the key')
}
