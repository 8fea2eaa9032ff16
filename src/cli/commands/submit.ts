import { basename } from 'node:path'
import type { ChanceryClient } from '../../client/chancery-client.ts'
import type { FileToUpload } from '../../client/contract.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { writeZip } from '../../format/zip-writer.ts'
import type { SigningRequestView } from '../../wire/signing-requests.ts'
import { awaitRequest, requireSigned } from '../await-request.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import { parseAssignments, type ServerFlags } from '../flags.ts'
import { readUserFile, requireOtherFiles, writeUserFile } from '../local-files.ts'
import { describeRequest } from './requests.ts'

/** The flags of commands that make a signing request and may wait for its signature. */
export interface WaitFlags extends ServerFlags {
  readonly signingPolicy: string
  readonly description?: string
  readonly wait: boolean
  readonly timeout: number
  readonly output?: string
  readonly outputSignature?: string
}

/** The flags of `chancery submit`. */
export interface SubmitFlags extends WaitFlags {
  readonly project: string
  readonly artifactConfiguration?: string
  readonly parameter?: readonly string[]
  readonly asIs?: boolean
}

const MAX_FILE_BYTES = 512 * 1024 * 1024

/** `chancery submit` */
export async function submit(
  this: CliContext,
  flags: SubmitFlags,
  ...files: readonly string[]
): Promise<void> {
  await checkOutputs(flags, files)
  const parameters = parseAssignments(flags.parameter ?? [])
  const artifact = await readArtifact(files, flags.asIs ?? false)
  const client = await connect(this, flags)
  const submitted = await client.submitWithArtifact({
    projectSlug: flags.project,
    signingPolicySlug: flags.signingPolicy,
    artifactConfigurationSlug: flags.artifactConfiguration,
    description: flags.description,
    parameters,
    artifact,
  })
  this.output.progress(`submitted: signing request ${submitted.signingRequestId}`)
  await finish(this, client, submitted.signingRequestId, flags)
}

/** `chancery requests resubmit` */
export async function resubmit(this: CliContext, flags: WaitFlags, id: string): Promise<void> {
  await checkOutputs(flags, [])
  const client = await connect(this, flags)
  const submitted = await client.resubmit(id, flags.signingPolicy, flags.description)
  this.output.progress(`submitted: signing request ${submitted.signingRequestId}`)
  await finish(this, client, submitted.signingRequestId, flags)
}

/** Writes the results of a completed request to the files that the flags name. */
export async function saveResults(
  context: CliContext,
  client: ChanceryClient,
  request: SigningRequestView,
  flags: { readonly output?: string; readonly outputSignature?: string },
): Promise<void> {
  await requireOtherFiles([], [flags.output, flags.outputSignature])
  if (flags.output !== undefined) {
    const { bytes } = await client.downloadSignedArtifact(request.id)
    await writeUserFile(flags.output, bytes)
    context.output.progress(`wrote the signed artifact to ${flags.output}`)
  }
  if (flags.outputSignature === undefined) return
  const [signature, ...others] = request.signatures
  if (signature === undefined || others.length > 0) {
    const message = `expected one signature for --output-signature, found ${request.signatures.length}`
    throw new ChanceryError('ERR_CLI_USAGE', message, {
      hints: ['--output writes a ZIP that holds them all.'],
    })
  }
  await writeUserFile(flags.outputSignature, new TextEncoder().encode(signature.signature))
  context.output.progress(`wrote the signature, in base64, to ${flags.outputSignature}`)
}

async function finish(
  context: CliContext,
  client: ChanceryClient,
  id: string,
  flags: WaitFlags,
): Promise<void> {
  const request = await (flags.wait
    ? awaitRequest(context, client, id, { deadline: new Deadline(flags.timeout) })
    : client.getSigningRequest(id))
  if (request.status === 'Completed') {
    const count = request.signatures.length
    context.output.progress(`signed: ${count} ${count === 1 ? 'signature' : 'signatures'}`)
    await saveResults(context, client, request, flags)
  }
  context.output.result(flags.json, request, () => describeRequest(request))
  requireSigned(request)
}

async function checkOutputs(flags: WaitFlags, inputs: readonly string[]): Promise<void> {
  // The signed artifact may take the place of the one that is submitted: it holds all of it.
  await requireOtherFiles(inputs, [flags.outputSignature])
  await requireOtherFiles([], [flags.output, flags.outputSignature])
  const wantsResult = flags.output !== undefined || flags.outputSignature !== undefined
  if (flags.wait || !wantsResult) return
  throw new ChanceryError('ERR_CLI_USAGE', 'expected --output together with --wait', {
    hints: ['Leave out --no-wait, or fetch the result later with `chancery requests download`.'],
  })
}

/** One ZIP, or one ZIP made of the files: artifact configurations describe ZIPs. */
async function readArtifact(paths: readonly string[], isAsIs: boolean): Promise<FileToUpload> {
  const files = await Promise.all(
    paths.map(async (path) => ({
      path: basename(path),
      bytes: await readUserFile(path, MAX_FILE_BYTES),
    })),
  )
  const [first, ...others] = files
  if (first !== undefined && others.length === 0 && (isAsIs || isZip(first.bytes))) {
    return { fileName: first.path, bytes: first.bytes }
  }
  if (first === undefined || isAsIs) {
    throw new ChanceryError('ERR_CLI_USAGE', 'expected one FILE with --as-is')
  }
  const names = new Set(files.map((file) => file.path))
  if (names.size < files.length) {
    throw new ChanceryError('ERR_CLI_USAGE', 'expected FILEs with different names', {
      hints: ['They go into one ZIP, side by side.'],
    })
  }
  return { fileName: `${first.path}.zip`, bytes: writeZip(files, new Date()) }
}

/** Source: APPNOTE.TXT, 4.3.7 and 4.3.16: a local file header, or the end of an empty archive. */
function isZip(bytes: Uint8Array): boolean {
  const [p, k, kind] = bytes
  return p === 0x50 && k === 0x4b && (kind === 0x03 || kind === 0x05)
}
