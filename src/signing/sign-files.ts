import { setImmediate } from 'node:timers/promises'
import { sha256Hex } from '../crypto/digest.ts'
import { sha256InSlices, SLICE_BYTES } from '../crypto/sliced-digest.ts'
import type { SignatureScheme, Signer } from '../crypto/signer.ts'
import { encodeBase64 } from '../format/base64.ts'
import { encodeHex } from '../format/hex.ts'
import type { PlannedFile, SigningPlan } from '../policy/signing-plan.ts'
import type { SigningRequestSignature } from '../wire/signing-requests.ts'
import type { ExaminedDigests } from './examination.ts'
import { inTurn, isLarge } from './large-plan.ts'

/** Plans with more files than this are signed after the answer, even with a fast key. */
const MAX_FILES_AT_ONCE = 16

/** Whether signing a plan takes so little time that the submission's answer can wait for it. */
export function isQuick(plan: SigningPlan, signer: Signer): boolean {
  return signer.isFast && plan.files.length <= MAX_FILES_AT_ONCE && !isLarge(plan)
}

/** Files of which all signatures are made at the same time; other work runs before the next. */
const FILES_AT_A_TIME = 32

/**
 * Signs each file of a plan, in order: what was examined, and nothing else.
 *
 * @throws ChanceryError ERR_CRYPTO_SCHEME if the configuration asks for what the key cannot do.
 */
export function signFiles(
  examined: ExaminedPlan,
  signer: Signer,
): Promise<readonly SigningRequestSignature[]> {
  const { plan, digests } = examined
  if (isLarge(plan)) return inTurn(() => signLargeFiles(examined, signer))
  if (plan.files.length > FILES_AT_A_TIME) return signManyFiles(examined, signer)
  return Promise.all(plan.files.map((file) => signFile(file, file.read(), digests, signer)))
}

/** A plan that may be signed, and the digests of its files as an examination on another thread found them. */
interface ExaminedPlan {
  readonly plan: SigningPlan
  readonly digests: ExaminedDigests | null
}

async function signManyFiles(
  { plan: { files }, digests }: ExaminedPlan,
  signer: Signer,
): Promise<readonly SigningRequestSignature[]> {
  const signatures: SigningRequestSignature[] = []
  for (let at = 0; at < files.length; at += FILES_AT_A_TIME) {
    const some = files.slice(at, at + FILES_AT_A_TIME)
    const made = some.map((file) => signFile(file, file.read(), digests, signer))
    signatures.push(...(await Promise.all(made)))
    await setImmediate()
  }
  return signatures
}

async function signLargeFiles(
  { plan: { files }, digests }: ExaminedPlan,
  signer: Signer,
): Promise<readonly SigningRequestSignature[]> {
  const signatures: SigningRequestSignature[] = []
  for (const file of files) {
    signatures.push(await signFile(file, await file.readInBackground(), digests, signer))
  }
  return signatures
}

async function signFile(
  file: PlannedFile,
  bytes: Uint8Array,
  digests: ExaminedDigests | null,
  signer: Signer,
): Promise<SigningRequestSignature> {
  const { path, outputPath } = file
  const sha256 =
    bytes.length > SLICE_BYTES ? encodeHex(await sha256InSlices(bytes)) : sha256Hex(bytes)
  if (digests !== null && digests.get(path) !== sha256) {
    throw new Error('the bytes to be signed are not those that were examined')
  }
  const signature = await signer.sign(bytes, schemeOf(file))
  return { path, outputPath, sha256, signature: encodeBase64(signature) }
}

function schemeOf({ hash, rsaPadding }: PlannedFile): SignatureScheme {
  return { hash, ecdsaFormat: 'der', ...(rsaPadding === undefined ? {} : { rsaPadding }) }
}
