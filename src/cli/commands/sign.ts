import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { findSignature, type SeenSignatures } from '../../registry/find-signature.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { parseAnnotations } from '../annotations.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { parseAssignments, type ServerFlags } from '../flags.ts'
import { openKeyFile } from '../key-passwords.ts'
import { writeUserFile } from '../local-files.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import type { ImageSigner, SignedImages } from '../sign/image-signer.ts'
import { findImagesToSign, type ImageToSign } from '../sign/image-to-sign.ts'
import { createKeySigner } from '../sign/key-signer.ts'
import { failedImage, publishSignature, type PublishedImage } from '../sign/publish-signature.ts'
import { createServerSigner } from '../sign/server-signer.ts'

/** The flags of `chancery sign`. */
export interface SignFlags extends RegistryFlags, ServerFlags {
  readonly project?: string
  readonly signingPolicy?: string
  readonly key?: string
  readonly artifactConfiguration?: string
  readonly description?: string
  readonly parameter?: readonly string[]
  readonly annotations?: readonly string[]
  readonly recursive?: boolean
  readonly force?: boolean
  readonly wait: boolean
  readonly publish: boolean
  readonly outputPayload?: string
  readonly outputSignature?: string
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
  const signer = await openSigner(this, flags)
  using client = await openRegistryClient(this, flags)
  const claims = { annotations, isRecursive: flags.recursive ?? false }
  const found = await findImagesToSign(
    client,
    references,
    claims,
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
  requireOneForFiles(flags, found)
  const look = await lookForSignatures(this, client, flags, signer, found)
  const { unsigned, signed } = look
  const outcome = unsigned.length === 0 ? undefined : await signer.sign(unsigned)
  const results = [
    ...signed.map(({ image }) => resultOf(image, 'already-signed')),
    ...(outcome === undefined ? [] : await finish(this, client, flags, look, outcome)),
  ]
  const [only] = signed
  if (only !== undefined) await writeFiles(flags, only.image, only.signature)
  report(
    this,
    flags,
    found,
    results.map(({ published }) => published),
    outcome,
  )
  for (const { error } of results) if (error !== undefined) throw error
}

interface Result {
  readonly published: PublishedImage
  readonly error?: ChanceryError
}

function resultOf(image: ImageToSign, outcome: PublishedImage['outcome']): Result {
  return { published: { image: image.name, digest: image.image.digest, outcome } }
}

async function openSigner(context: CliContext, flags: SignFlags): Promise<ImageSigner> {
  const { key, project, signingPolicy } = flags
  if (key !== undefined) return createKeySigner(context, await openKeyFile(context, key), key)
  if (project === undefined || signingPolicy === undefined) {
    throw usage('expected --project and --signing-policy, or --key')
  }
  return createServerSigner(context, await connect(context, flags), {
    project,
    signingPolicy,
    artifactConfiguration: flags.artifactConfiguration,
    description: flags.description,
    parameters: parseAssignments(flags.parameter ?? []),
    wait: flags.wait,
    timeoutMs: flags.timeout,
    force: flags.force ?? false,
  })
}

function requireConsistent(flags: SignFlags): void {
  if (flags.tlogUpload === true) {
    throw usage('there is no transparency log to upload to', 'Leave out --tlog-upload.')
  }
  const forServer = [flags.project, flags.signingPolicy, flags.artifactConfiguration]
  const others = [flags.description, flags.parameter]
  if (flags.key !== undefined && [...forServer, ...others].some((value) => value !== undefined)) {
    throw usage(
      'expected --key alone, or what the server needs',
      'A key in a file needs no server.',
    )
  }
  const wantsFile = flags.outputPayload !== undefined || flags.outputSignature !== undefined
  if (wantsFile && !flags.wait) throw usage('expected --output-* without --no-wait')
}

function requireOneForFiles(flags: SignFlags, images: readonly ImageToSign[]): void {
  const wantsFile = flags.outputPayload !== undefined || flags.outputSignature !== undefined
  if (!wantsFile || images.length === 1) return
  throw usage(
    `expected one image with --output-payload and --output-signature, found ${images.length}`,
    '`chancery submit --output` writes a ZIP with all files and signatures.',
  )
}

function usage(message: string, ...hints: readonly string[]): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}

/** Which images have this signature already, and which have to be signed. */
interface Look {
  readonly unsigned: readonly ImageToSign[]
  readonly signed: readonly { readonly image: ImageToSign; readonly signature: string }[]
  /** What the images had, by their names. */
  readonly seen: ReadonlyMap<string, SeenSignatures>
  /** By the clock of `performance.now()`. */
  readonly seenAt: number
}

/** Looks for signatures that are there already. Nothing is signed before all images have been looked at. */
async function lookForSignatures(
  context: CliContext,
  client: RegistryClient,
  flags: SignFlags,
  signer: ImageSigner,
  images: readonly ImageToSign[],
): Promise<Look> {
  const seenAt = performance.now()
  if (flags.force === true || !flags.publish) {
    return { unsigned: images, signed: [], seen: new Map(), seenAt }
  }
  const signal = AbortSignal.timeout(REGISTRY_TIMEOUT_MS)
  const found = await inParallel(images, flags.maxWorkers, async (image) => ({
    image,
    ...(await findSignature(client, image.image, image.payload, signer.publicKey, signal)),
  }))
  const signed = found.flatMap(({ image, signature }) =>
    signature === undefined ? [] : [{ image, signature }],
  )
  for (const { image } of signed) context.output.progress(`already signed: ${image.name}`)
  const unsigned = found.filter(({ signature }) => signature === undefined)
  const seen = new Map(found.map((each) => [each.image.name, { found: each.found }]))
  return { unsigned: unsigned.map(({ image }) => image), signed, seen, seenAt }
}

/** Writes and publishes the signatures; what fails for one image fails for that one. */
async function finish(
  context: CliContext,
  client: RegistryClient,
  flags: SignFlags,
  { unsigned: images, seen, seenAt }: Look,
  { signatures, publicKey }: SignedImages,
): Promise<readonly Result[]> {
  if (signatures === undefined) return images.map((image) => resultOf(image, 'submitted'))
  const annotations = parseAnnotations(flags.annotations ?? [])
  const signal = AbortSignal.timeout(REGISTRY_TIMEOUT_MS)
  const isRecent = performance.now() - seenAt < RECENT_MS
  return inParallel(images, flags.maxWorkers, async (image): Promise<Result> => {
    try {
      const signature = signatures.get(image.name)
      if (signature === undefined) {
        const message = `expected a signature of ${image.fileName}, found none`
        throw new ChanceryError('ERR_CLI_NOT_SIGNED', message, {
          hints: ['The artifact configuration of the project leaves this file out.'],
        })
      }
      await writeFiles(flags, image, signature)
      if (!flags.publish) return resultOf(image, 'signed')
      const made = {
        image,
        signature,
        publicKey,
        annotations,
        isForced: flags.force ?? false,
        seen: isRecent ? seen.get(image.name) : undefined,
      }
      return { published: await publishSignature(context.output, client, made, signal) }
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error
      context.output.progress(`FAILED ${image.name}: ${error.message} (${error.code})`)
      return { published: failedImage(image, error), error }
    }
  })
}

async function writeFiles(flags: SignFlags, image: ImageToSign, signature: string): Promise<void> {
  const { outputPayload, outputSignature } = flags
  if (outputPayload !== undefined) await writeUserFile(outputPayload, image.payload)
  if (outputSignature !== undefined) {
    await writeUserFile(outputSignature, new TextEncoder().encode(signature))
  }
}

function report(
  context: CliContext,
  flags: SignFlags,
  images: readonly ImageToSign[],
  published: readonly PublishedImage[],
  outcome: SignedImages | undefined,
): void {
  const inOrder = images.flatMap(({ name }) => published.filter(({ image }) => image === name))
  const isPending = published.some((each) => each.outcome === 'submitted')
  if (isPending) {
    context.output.progress('not waiting; the same command without --no-wait goes on')
  }
  const document = { signingRequest: outcome?.signingRequest ?? null, images: inOrder }
  context.output.result(flags.json, document, () => '')
}
