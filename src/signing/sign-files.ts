import { setImmediate } from 'node:timers/promises'
import { sha256Hex, startDigest } from '../crypto/digest.ts'
import type { SignatureScheme, Signer } from '../crypto/signer.ts'
import { encodeBase64 } from '../format/base64.ts'
import { encodeHex } from '../format/hex.ts'
import type { PlannedFile, SigningPlan } from '../policy/signing-plan.ts'
import type { SigningRequestSignature } from '../wire/signing-requests.ts'
import { inTurn, isLarge } from './large-plan.ts'

/** Plans with more files than this are signed after the answer, even with a fast key. */
const MAX_FILES_AT_ONCE = 16

const HASHED_SLICE_BYTES = 4 * 1024 * 1024

/** Whether signing a plan takes so little time that the submission's answer can wait for it. */
export function isQuick(plan: SigningPlan, signer: Signer): boolean {
  return signer.isFast && plan.files.length <= MAX_FILES_AT_ONCE && !isLarge(plan)
}

/**
 * Signs each file of a plan, in order.
 *
 * @throws ChanceryError ERR_CRYPTO_SCHEME if the configuration asks for what the key cannot do.
 */
export function signFiles(
  plan: SigningPlan,
  signer: Signer,
): Promise<readonly SigningRequestSignature[]> {
  if (isLarge(plan)) return inTurn(() => signLargeFiles(plan, signer))
  return Promise.all(plan.files.map((file) => signFile(file, file.read(), signer)))
}

async function signFile(
  file: PlannedFile,
  bytes: Uint8Array,
  signer: Signer,
): Promise<SigningRequestSignature> {
  const signature = signer.sign(bytes, schemeOf(file))
  return {
    path: file.path,
    outputPath: file.outputPath,
    sha256: sha256Hex(bytes),
    signature: encodeBase64(await signature),
  }
}

async function signLargeFiles(
  plan: SigningPlan,
  signer: Signer,
): Promise<readonly SigningRequestSignature[]> {
  const signatures: SigningRequestSignature[] = []
  for (const file of plan.files) {
    const bytes = await file.readInBackground()
    const signature = await signer.sign(bytes, schemeOf(file))
    signatures.push({
      path: file.path,
      outputPath: file.outputPath,
      sha256: await hashInSlices(bytes),
      signature: encodeBase64(signature),
    })
  }
  return signatures
}

/** SHA-256 in lower-case hexadecimal; other work runs between the slices. */
async function hashInSlices(bytes: Uint8Array): Promise<string> {
  const digest = startDigest('sha256')
  for (let at = 0; at < bytes.length; at += HASHED_SLICE_BYTES) {
    digest.update(bytes.subarray(at, at + HASHED_SLICE_BYTES))
    await setImmediate()
  }
  return encodeHex(digest.finish())
}

function schemeOf({ hash, rsaPadding }: PlannedFile): SignatureScheme {
  return { hash, ecdsaFormat: 'der', ...(rsaPadding === undefined ? {} : { rsaPadding }) }
}
