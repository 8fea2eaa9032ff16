import { sha256Hex } from '../crypto/digest.ts'
import type { Signer } from '../crypto/signer.ts'
import { encodeBase64 } from '../format/base64.ts'
import type { SigningPlan } from '../policy/signing-plan.ts'
import type { SigningRequestSignature } from '../wire/signing-requests.ts'

/** Plans with more files than this are signed after the answer, even with a fast key. */
const MAX_FILES_AT_ONCE = 16

/** Whether signing a plan takes so little time that the submission's answer can wait for it. */
export function isQuick(plan: SigningPlan, signer: Signer): boolean {
  return signer.isFast && plan.files.length <= MAX_FILES_AT_ONCE
}

/**
 * Signs each file of a plan, in order.
 *
 * @throws ChanceryError ERR_CRYPTO_SCHEME if the configuration asks for what the key cannot do.
 */
export function signFiles(
  plan: SigningPlan,
  signer: Signer,
): readonly SigningRequestSignature[] | Promise<readonly SigningRequestSignature[]> {
  const made: Uint8Array[] = []
  const awaited: Promise<unknown>[] = []
  plan.files.forEach((file, index) => {
    const signature = signer.sign(file.bytes, {
      hash: file.hash,
      ecdsaFormat: 'der',
      ...(file.rsaPadding === undefined ? {} : { rsaPadding: file.rsaPadding }),
    })
    if (signature instanceof Promise) {
      awaited.push(signature.then((bytes) => (made[index] = bytes)))
    } else {
      made[index] = signature
    }
  })
  const describe = (): readonly SigningRequestSignature[] =>
    plan.files.map((file, index) => ({
      path: file.path,
      outputPath: file.outputPath,
      sha256: sha256Hex(file.bytes),
      signature: encodeBase64(made[index] ?? new Uint8Array()),
    }))
  return awaited.length === 0 ? describe() : Promise.all(awaited).then(describe)
}
