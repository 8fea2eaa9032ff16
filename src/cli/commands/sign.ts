import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { SIGNATURE_FORMATS, type SignatureFormat } from '../../policy/signature-format.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { readAttachedChain } from '../sign/attached-chain.ts'
import { findImagesToSign, type ImageToSign } from '../sign/image-to-sign.ts'
import { lookAtNothing, lookForSignatures, type ImageLook } from '../sign/look-for-signatures.ts'
import type { SignatureOwner } from '../sign/made-signature.ts'
import type { MessageSigner, SignedMessages } from '../sign/message-signer.ts'
import { openSigner, requireOneSigner, type SignerFlags } from '../sign/open-signer.ts'
import { SignatureFiles, type SignatureFileFlags } from '../sign/signature-files.ts'
import { imageOf, publishImage, type ImageResult } from '../sign/signed-image.ts'

/** The flags of `chancery sign`. */
export interface SignFlags extends RegistryFlags, SignerFlags, SignatureFileFlags {
  readonly annotations?: readonly string[]
  readonly recursive?: boolean
  readonly force?: boolean
  readonly publish: boolean
  readonly signatureFormat?: SignatureFormat | 'both'
  /** Cosign's flag: true is the format `bundle`, false is `legacy`. */
  readonly newBundleFormat?: boolean
  readonly maxWorkers: number
  /** Cosign's flag: nothing is asked here. */
  readonly yes?: boolean
  /** Cosign's flag; only `false` is possible. */
  readonly tlogUpload?: boolean
}

/** How long looking images up and publishing signatures may take, each. */
const REGISTRY_TIMEOUT_MS = 5 * 60_000
/** Signatures that were seen so long ago are looked for again before one is added. */
const RECENT_MS = 10_000

/** `chancery sign`: says on stderr how it goes, and with `--json` on stdout what became of each image. */
export async function sign(
  this: CliContext,
  flags: SignFlags,
  ...images: readonly string[]
): Promise<void> {
  requireConsistent(flags)
  const annotations = parseAnnotations(flags.annotations ?? [])
  const references = images.map(parseReference)
  const signer = await openSigner(this, flags, 'sign')
  const formats = chooseFormats(flags, signer)
  const files = new SignatureFiles(flags, formats)
  const wantsChain = flags.certificate !== undefined || flags.attachCertificate === true
  const chain = wantsChain ? await readAttachedChain(this.output, signer, new Date()) : undefined
  using client = await openRegistryClient(this, flags)
  const found = await findImagesToSign(
    client,
    references,
    { annotations, isRecursive: flags.recursive ?? false },
    (reference, all) => {
      const name = `${referenceContext(reference)}@${all[0]?.digest ?? ''}`
      if (reference.digest === undefined) {
        this.output.progress(
          `${referenceContext(reference)}:${reference.tag ?? 'latest'} is ${name}`,
        )
      }
      if (all.length > 1) this.output.progress(`${name} is an index; with it ${all.length} images`)
    },
    AbortSignal.timeout(REGISTRY_TIMEOUT_MS),
  )
  files.requireOne(found)
  const owner = { publicKey: signer.publicKey, chain }
  const seenAt = performance.now()
  const looks = await look(client, flags, found, formats, owner)
  for (const { image, there, missing } of looks) {
    for (const made of there) await files.write(image, made, chain)
    if (there.length === 0) continue
    const some = missing.length === 0 ? '' : ` (${there.map(({ format }) => format).join(', ')})`
    this.output.progress(`already signed${some}: ${image.name}`)
  }
  const unsigned = looks.filter(({ missing }) => missing.length > 0)
  const signed = unsigned.length === 0 ? undefined : await signAll(signer, unsigned)
  const results = await inParallel(looks, flags.maxWorkers, async (each): Promise<ImageResult> => {
    const { image, there, missing } = each
    if (missing.length === 0 || signed?.signatures === undefined) {
      const outcomes = [
        ...there.map(({ format }) => ({ format, outcome: 'already-signed' }) as const),
        ...missing.map((format) => ({ format, outcome: 'submitted' }) as const),
      ]
      return { signed: imageOf(image, outcomes) }
    }
    requireSameKey(signed, owner)
    return publishImage(
      {
        output: this.output,
        client,
        isPublished: flags.publish,
        onMade: (one, made) => files.write(one, made, chain),
      },
      performance.now() - seenAt < RECENT_MS ? each : { ...each, seen: {} },
      signed,
      {
        publicKey: signed.publicKey,
        chain,
        annotations,
        isForced: flags.force ?? false,
        signedAt: signed.signedAt,
        signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS),
      },
    )
  })
  report(this, flags, results, signed)
  for (const { error } of results) if (error !== undefined) throw error
}

function requireConsistent(flags: SignFlags): void {
  if (flags.tlogUpload === true) {
    throw usage('there is no transparency log to upload to', 'Leave out --tlog-upload.')
  }
  if (flags.signatureFormat !== undefined && flags.newBundleFormat !== undefined) {
    throw usage('expected one of --signature-format and --new-bundle-format')
  }
  requireOneSigner(flags)
}

/** The formats that were asked for, or else all that the signer signs. */
function chooseFormats(
  { signatureFormat, newBundleFormat }: SignFlags,
  { signatureFormats, name }: MessageSigner,
): readonly SignatureFormat[] {
  const flag = newBundleFormat === true ? 'bundle' : 'legacy'
  const wanted = newBundleFormat === undefined ? signatureFormat : flag
  if (wanted === undefined && signatureFormats.length > 0) return signatureFormats
  const formats = SIGNATURE_FORMATS.filter((one) => wanted === 'both' || wanted === one)
  if (formats.length > 0 && formats.every((one) => signatureFormats.includes(one))) return formats
  const allowed = signatureFormats.length === 0 ? 'none' : signatureFormats.join(', ')
  throw usage(
    `expected a signature format that ${name} signs (${allowed})${wanted === undefined ? '' : `, found ${wanted}`}`,
    'Leave out --signature-format, or have the format added to signatureFormats of the signing policy.',
  )
}

function usage(message: string, ...hints: readonly string[]): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}

async function look(
  client: RegistryClient,
  flags: SignFlags,
  images: readonly ImageToSign[],
  formats: readonly SignatureFormat[],
  owner: SignatureOwner,
): Promise<readonly ImageLook[]> {
  if (flags.force === true || !flags.publish) return lookAtNothing(images, formats)
  const { maxWorkers } = flags
  const signal = AbortSignal.timeout(REGISTRY_TIMEOUT_MS)
  return lookForSignatures(client, images, formats, owner, { maxWorkers, signal })
}

/** One signing request for all images and formats. */
async function signAll(
  signer: MessageSigner,
  looks: readonly ImageLook[],
): Promise<SignedMessages> {
  const messages = looks.flatMap(({ image, missing }) =>
    missing.map((format) => image.messages[format]),
  )
  return signer.sign(messages, looks.length === 1 ? '1 image' : `${looks.length} images`)
}

/** A request that was made before may have been signed with the key the policy had then. */
function requireSameKey({ publicKey }: SignedMessages, { publicKey: own, chain }: SignatureOwner) {
  if (chain === undefined || Buffer.compare(publicKey, own) === 0) return
  throw new ChanceryError(
    'ERR_CLI_NOT_SIGNED',
    'expected signatures of the key that the certificate is for, found those of another key',
    { hints: ['The signing policy has another certificate now: --force makes a new request.'] },
  )
}

function report(
  context: CliContext,
  flags: SignFlags,
  results: readonly ImageResult[],
  signed: SignedMessages | undefined,
): void {
  const images = results.map((each) => each.signed)
  if (images.some((each) => each.outcome === 'submitted')) {
    context.output.progress('not waiting; the same command without --no-wait goes on')
  }
  const document = { signingRequest: signed?.signingRequest ?? null, images }
  context.output.result(flags.json, document, () => '')
}
