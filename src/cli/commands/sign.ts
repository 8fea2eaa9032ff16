import { parseReference } from '../../format/oci-reference.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { parseAnnotations } from '../annotations.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { requireOneRegistry } from '../registry-secrets.ts'
import { readAttachedChain } from '../sign/attached-chain.ts'
import { chooseFormats, requireOneFormat, type FormatFlags } from '../sign/choose-formats.ts'
import { prepareImage, type ImageToSign } from '../sign/image-to-sign.ts'
import { lookAtNothing, lookForSignatures, type ImageLook } from '../sign/look-for-signatures.ts'
import { requireSameKey, type SignatureOwner } from '../sign/made-signature.ts'
import type { MessageSigner, SignedMessages } from '../sign/message-signer.ts'
import { findNamedImages } from '../sign/named-images.ts'
import { openSigner, requireOneSigner, type SignerFlags } from '../sign/open-signer.ts'
import {
  requireOwnFiles,
  SignatureFiles,
  type SignatureFileFlags,
} from '../sign/signature-files.ts'
import { imageOf, publishImage, type ImageResult } from '../sign/signed-image.ts'
import { restoreContent } from '../sign/publish-signature.ts'

/** The flags of `chancery sign`. */
export interface SignFlags extends RegistryFlags, SignerFlags, FormatFlags, SignatureFileFlags {
  readonly annotations?: readonly string[]
  readonly recursive?: boolean
  readonly force?: boolean
  readonly publish: boolean
  readonly maxWorkers: number
}

/** Signatures that were seen so long ago are looked for again before one is added. */
const RECENT_MS = 10_000

/** `chancery sign`: says on stderr how it goes, and with `--json` on stdout what became of each image. */
export async function sign(
  this: CliContext,
  flags: SignFlags,
  ...images: readonly string[]
): Promise<void> {
  requireOneFormat(flags)
  requireOneSigner(flags)
  await requireOwnFiles(flags)
  const annotations = parseAnnotations(flags.annotations ?? [])
  const references = images.map(parseReference)
  requireOneRegistry(flags, references)
  const deadline = new Deadline(flags.timeout)
  const { signal } = deadline
  const signer = await openSigner(this, flags, 'sign', deadline)
  const formats = chooseFormats(flags, signer)
  const files = new SignatureFiles(flags, formats)
  const wantsChain = flags.certificate !== undefined || flags.attachCertificate === true
  const chain = wantsChain ? await readAttachedChain(this.output, signer, new Date()) : undefined
  using client = await openRegistryClient(this, flags, references)
  const named = await findNamedImages(
    this.output,
    client,
    references,
    flags.recursive ?? false,
    signal,
  )
  const found = named.map((each) => prepareImage(each, annotations))
  files.requireOne(found)
  const owner = { publicKey: signer.publicKey, chain }
  const seenAt = performance.now()
  const looks = await look(client, flags, found, formats, owner, signal)
  await restoreAll(this, client, flags, looks, signal)
  for (const { image, there, missing } of looks) {
    for (const made of there) await files.write(image, made, chain)
    if (there.length === 0) continue
    const some = missing.length === 0 ? '' : ` (${there.map(({ format }) => format).join(', ')})`
    this.output.progress(`already signed${some}: ${image.name}`)
  }
  const unsigned = looks.filter(({ missing }) => missing.length > 0)
  const signed = unsigned.length === 0 ? undefined : await signAll(signer, unsigned, looks)
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
      performance.now() - seenAt < RECENT_MS ? each : forgetWhatWasSeen(each),
      signed,
      {
        publicKey: signed.publicKey,
        chain,
        annotations,
        isForced: flags.force ?? false,
        signedAt: signed.signedAt,
        signal,
      },
    )
  })
  report(this, flags, results, signed)
  for (const { error } of results) if (error !== undefined) throw error
}

async function look(
  client: RegistryClient,
  flags: SignFlags,
  images: readonly ImageToSign[],
  formats: readonly SignatureFormat[],
  owner: SignatureOwner,
  signal: AbortSignal,
): Promise<readonly ImageLook[]> {
  if (flags.force === true || !flags.publish) return lookAtNothing(images, formats)
  const { maxWorkers } = flags
  return lookForSignatures(client, images, formats, owner, { maxWorkers, signal })
}

/** What is there already has to be of use to others, too. */
async function restoreAll(
  { output }: CliContext,
  client: RegistryClient,
  { maxWorkers }: SignFlags,
  looks: readonly ImageLook[],
  signal: AbortSignal,
): Promise<void> {
  await inParallel(looks, maxWorkers, async ({ image, there }) => {
    for (const made of there) await restoreContent(output, client, image, made, signal)
  })
}

/** What was seen long ago says at most what is likely. */
function forgetWhatWasSeen({ seen, ...look }: ImageLook): ImageLook {
  return { ...look, seen: { isLikelyBare: seen.isLikelyBare === true } }
}

/** One signing request for all images and formats; an earlier one, if it made what is there and this, too. */
async function signAll(
  signer: MessageSigner,
  unsigned: readonly ImageLook[],
  looks: readonly ImageLook[],
): Promise<SignedMessages> {
  const messages = unsigned.flatMap(({ image, missing }) =>
    missing.map((format) => image.messages[format]),
  )
  const about = unsigned.length === 1 ? '1 image' : `${unsigned.length} images`
  const isRest = looks.some(({ there }) => there.length > 0)
  return signer.sign(messages, about, isRest ? unsigned[0]?.image.image.digest : undefined)
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
