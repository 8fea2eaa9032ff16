import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseReference } from '../../format/oci-reference.ts'
import type { SignatureFormat } from '../../policy/signature-format.ts'
import { inParallel } from '../../registry/in-parallel.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import {
  makeAttestations,
  readAttested,
  requireOnePredicate,
  type AttestationToMake,
  type PredicateFlags,
} from '../attest/attestation-to-make.ts'
import { lookForAttestations, type AttestationLook } from '../attest/look-for-attestations.ts'
import {
  attachUnderTag,
  makeAttestation,
  publishAsReferrer,
  type AttestationPublication,
} from '../attest/publish-attestation.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import { requireOtherFiles, writeUserFile } from '../local-files.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { requireOneRegistry } from '../registry-secrets.ts'
import { readAttachedChain } from '../sign/attached-chain.ts'
import { chooseFormats, requireOneFormat, type FormatFlags } from '../sign/choose-formats.ts'
import { requireSameKey, type SignatureOwner } from '../sign/made-signature.ts'
import type { SignedMessages } from '../sign/message-signer.ts'
import { findNamedImages } from '../sign/named-images.ts'
import { openSigner, requireOneSigner, type SignerFlags } from '../sign/open-signer.ts'
import type { SignatureOutcome } from '../sign/publish-signature.ts'
import { EVERY_FILE } from '../sign/server-signer.ts'
import { imageOf, settle, type ImageResult } from '../sign/signed-image.ts'

/** The flags of `chancery attest`; those that cosign has are named as there. */
export interface AttestFlags extends RegistryFlags, SignerFlags, FormatFlags, PredicateFlags {
  readonly recursive?: boolean
  readonly force?: boolean
  readonly replace?: boolean
  readonly publish: boolean
  /** Cosign's name for `--no-publish`. */
  readonly noUpload?: boolean
  readonly bundle?: string
  readonly outputAttestation?: string
  readonly maxWorkers: number
}

/** `chancery attest`: says on stderr how it goes, and with `--json` on stdout what became of each image. */
export async function attest(
  this: CliContext,
  flags: AttestFlags,
  ...images: readonly string[]
): Promise<void> {
  await requireConsistent(flags)
  const references = images.map(parseReference)
  requireOneRegistry(flags, references)
  const attested = await readAttested(this, flags)
  const deadline = new Deadline(flags.timeout)
  const { signal } = deadline
  const signer = await openSigner(this, flags, 'attest', deadline)
  const formats = chooseFormats(flags, signer)
  const wantsChain = flags.certificate !== undefined || flags.attachCertificate === true
  const chain = wantsChain ? await readAttachedChain(this.output, signer, new Date()) : undefined
  const owner = { publicKey: signer.publicKey, chain }
  using client = await openRegistryClient(this, flags, references)
  const isRecursive = flags.recursive ?? false
  const named = await findNamedImages(this.output, client, references, isRecursive, signal)
  requireOneForFiles(flags, named.length)
  const attestations = makeAttestations(named, attested)
  const looks = await look(client, flags, attestations, formats, owner, signal)
  for (const { attestation, missing } of looks) {
    if (missing.length === 0) this.output.progress(`already attested: ${attestation.name}`)
  }
  const unsigned = looks.filter(({ missing }) => missing.length > 0)
  const about = unsigned.length === 1 ? '1 attestation' : `${unsigned.length} attestations`
  const messages = unsigned.map(({ attestation }) => attestation.message)
  const isRest = looks.some(({ there }) => there.length > 0)
  const rest = isRest ? unsigned[0]?.attestation.image.digest : undefined
  const signed = messages.length === 0 ? undefined : await signer.sign(messages, about, rest)
  if (signed !== undefined) requireSameKey(signed, owner)
  const results = await inParallel(looks, flags.maxWorkers, (each) =>
    finish(this, client, flags, each, signed, owner, signal),
  )
  report(this, flags, looks, results, signed)
  for (const { error } of results) if (error !== undefined) throw error
}

async function requireConsistent(flags: AttestFlags): Promise<void> {
  requireOneSigner(flags)
  requireOneFormat(flags)
  requireOnePredicate(flags)
  const { bundle, outputAttestation, predicate, statement, key } = flags
  const outputs = [bundle, outputAttestation]
  if (!flags.wait && outputs.some((path) => path !== undefined)) {
    throw usage('expected --bundle and --output-attestation without --no-wait')
  }
  if (flags.replace === true && !isPublished(flags)) {
    throw usage('expected --replace without --no-publish')
  }
  const inputs = [predicate, statement, key, flags.certificate, flags.certificateChain]
  await requireOtherFiles(inputs, outputs)
}

function isPublished({ publish, noUpload }: AttestFlags): boolean {
  return publish && noUpload !== true
}

function requireOneForFiles({ bundle, outputAttestation }: AttestFlags, images: number): void {
  if (images === 1 || (bundle === undefined && outputAttestation === undefined)) return
  throw usage(`expected one image with --bundle and --output-attestation, found ${images}`)
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}

async function look(
  client: RegistryClient,
  flags: AttestFlags,
  attestations: readonly AttestationToMake[],
  formats: readonly SignatureFormat[],
  owner: SignatureOwner,
  signal: AbortSignal,
): Promise<readonly AttestationLook[]> {
  const wantsFile = flags.bundle !== undefined || flags.outputAttestation !== undefined
  if (!isPublished(flags)) {
    const replaced = { legacy: new Set<string>(), bundle: [] }
    return attestations.map((attestation) => ({
      attestation,
      there: [],
      missing: formats,
      replaced,
    }))
  }
  return lookForAttestations(client, attestations, {
    formats,
    owner,
    isReplacing: flags.replace ?? false,
    // What is written to a file has to be made.
    isForced: flags.force === true || wantsFile,
    maxWorkers: flags.maxWorkers,
    signal,
  })
}

/** Writes and publishes one attestation; what fails for one format or image fails for that one. */
async function finish(
  context: CliContext,
  client: RegistryClient,
  flags: AttestFlags,
  each: AttestationLook,
  signed: SignedMessages | undefined,
  { chain }: SignatureOwner,
  signal: AbortSignal,
): Promise<ImageResult> {
  const { attestation, there, missing } = each
  const outcomes: SignatureOutcome[] = there.map((format) => ({
    format,
    outcome: 'already-signed',
  }))
  if (missing.length === 0 || signed?.signatures === undefined) {
    const pending = missing.map((format) => ({ format, outcome: 'submitted' }) as const)
    return { signed: imageOf(attestation, [...outcomes, ...pending]) }
  }
  const errors: ChanceryError[] = []
  const attempt = async (format: SignatureFormat, run: () => Promise<SignatureOutcome>) => {
    try {
      outcomes.push(await run())
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error
      outcomes.push({ format, outcome: 'failed' })
      errors.push(error)
    }
  }
  const signature = signed.signatures.get(attestation.message.fileName)
  const { publicKey, signedAt } = signed
  const publication: AttestationPublication = { publicKey, chain, signedAt, signal }
  for (const format of missing) {
    await attempt(format, async () => {
      if (signature === undefined) throw leftOut(attestation)
      const made = makeAttestation(attestation, signature, publication)
      if (format === missing[0]) await writeFiles(context, flags, made)
      if (!isPublished(flags)) return { format, outcome: 'signed' }
      const publish = format === 'legacy' ? attachUnderTag : publishAsReferrer
      return publish(context.output, client, each, made, publication)
    })
  }
  return settle(context.output, attestation, outcomes, errors)
}

function leftOut({ message }: AttestationToMake): ChanceryError {
  return new ChanceryError(
    'ERR_CLI_NOT_SIGNED',
    `expected a signature of ${message.fileName}, found none`,
    { hints: [`The artifact configuration of the project leaves this file out. ${EVERY_FILE}`] },
  )
}

/** Files, or, as cosign 2 does where nothing is uploaded, stdout. */
async function writeFiles(
  { output }: CliContext,
  flags: AttestFlags,
  { bundle, envelope }: ReturnType<typeof makeAttestation>,
): Promise<void> {
  if (flags.bundle !== undefined) await writeUserFile(flags.bundle, bundle)
  if (flags.outputAttestation !== undefined) await writeUserFile(flags.outputAttestation, envelope)
  const isWritten = flags.bundle !== undefined || flags.outputAttestation !== undefined
  if (isPublished(flags) || isWritten || flags.json === true) return
  output.raw(`${Buffer.from(envelope).toString()}\n`)
}

function report(
  { output }: CliContext,
  flags: AttestFlags,
  looks: readonly AttestationLook[],
  results: readonly ImageResult[],
  signed: SignedMessages | undefined,
): void {
  const images = results.map((each, index) => ({
    ...each.signed,
    predicateType: looks[index]?.attestation.predicateType,
  }))
  if (images.some(({ outcome }) => outcome === 'submitted')) {
    output.progress('not waiting; the same command without --no-wait goes on')
  }
  if (flags.json !== true) return
  output.result(true, { signingRequest: signed?.signingRequest ?? null, images }, () => '')
}
