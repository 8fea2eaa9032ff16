import { basename } from 'node:path'
import { sha256, sha256Hex } from '../../crypto/digest.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { decodeBase64 } from '../../format/base64.ts'
import { parseBundle, type Bundle } from '../../format/bundle.ts'
import { encodeBundle, publicKeyHint } from '../../format/bundle-writer.ts'
import { encodePem } from '../../format/pem.ts'
import { verifyBundle } from '../../verify/verify-bundle.ts'
import { parseCertificate, type X509Certificate } from '../../x509/certificate.ts'
import { orderChain } from '../../x509/certificate-chain.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import { readUserFile, requireOtherFiles, writeUserFile } from '../local-files.ts'
import { readAttachedChain } from '../sign/attached-chain.ts'
import { createHashSigner } from '../sign/hash-signer.ts'
import { openSigner, requireOneSigner, type SignerFlags } from '../sign/open-signer.ts'
import type { MessageSigner, SigningRequestSummary } from '../sign/message-signer.ts'

/** The flags of `chancery sign-blob`; those that cosign has are named as there. */
export interface SignBlobFlags extends Omit<SignerFlags, 'force'> {
  readonly bundle?: string
  readonly outputSignature?: string
  readonly outputCertificate?: string
  /** Whether the signature is text in base64, or the bytes as they are. */
  readonly b64: boolean
  readonly hashOnly?: boolean
  /** Cosign's flag: whether there is a bundle is what `--bundle` says. */
  readonly newBundleFormat?: boolean
}

/** The most bytes of a file that is signed: 1 GiB, as `chancery verify-blob` reads. */
const MAX_BLOB_BYTES = 1024 * 1024 * 1024
/** What is submitted to a server travels in one piece. */
const MAX_SUBMITTED_BYTES = 512 * 1024 * 1024

/**
 * `chancery sign-blob`: signs a file, verifies the signature, and only then writes anything. The signature goes to stdout
 * where neither `--bundle` nor `--output-signature` says otherwise.
 *
 * @throws ChanceryError ERR_CLI_USAGE if the flags do not go together, or a file would be written over another.
 * @throws ChanceryError ERR_CLI_NOT_SIGNED if the server signs it not.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if what came back is no signature of this file.
 */
export async function signBlob(
  this: CliContext,
  flags: SignBlobFlags,
  file: string,
): Promise<void> {
  await requireConsistent(flags, file)
  const bytes = await readBlob(this, flags, file)
  const signer = await openBlobSigner(this, flags, new Deadline(flags.timeout))
  const chain = await readChain(this, flags, signer)
  const fileName = file === '-' ? 'stdin' : basename(file)
  const outcome = await signer.sign([{ fileName, bytes }], '1 file')
  const { signatures, publicKey, signingRequest = null } = outcome
  const digest = `sha256:${sha256Hex(bytes)}`
  if (signatures === undefined) {
    this.output.progress('not waiting; the same command without --no-wait goes on')
    report(this, flags, { digest, outcome: 'submitted', signingRequest })
    return
  }
  const signature = signatures.get(fileName)
  if (signature === undefined) throw new TypeError('a signer signs the one file it was given')
  const bundle = encodeBundle(
    isAttached(flags) && chain !== undefined
      ? { kind: 'certificate', certificate: chain.der }
      : { kind: 'publicKey', hint: publicKeyHint(sha256(publicKey)) },
    {
      kind: 'artifact',
      digest: { algorithm: 'sha256', hash: sha256(bytes) },
      signature: decodeBase64(signature),
    },
  )
  requireSignature(bundle, bytes, chain?.publicKey ?? publicKey)
  this.output.progress(`verified: ${file}, ${digest}`)
  await write(this, flags.bundle, bundle, 'the bundle')
  await write(this, flags.outputSignature, inForm(flags, signature), 'the signature')
  const certificate = chain === undefined ? '' : encodePem('CERTIFICATE', chain.der)
  await write(
    this,
    flags.outputCertificate,
    new TextEncoder().encode(certificate),
    'the certificate',
  )
  report(this, flags, { digest, outcome: 'signed', signingRequest, publicKey, signature })
}

async function requireConsistent(flags: SignBlobFlags, file: string): Promise<void> {
  requireOneSigner(flags)
  const { bundle, outputSignature, outputCertificate, key, certificate } = flags
  const outputs = [bundle, outputSignature, outputCertificate]
  if (!flags.wait && outputs.some((path) => path !== undefined)) {
    throw usage('expected --bundle and --output-* without --no-wait')
  }
  if (flags.newBundleFormat === true && bundle === undefined) {
    throw usage('expected --bundle with --new-bundle-format')
  }
  if (flags.newBundleFormat === false && bundle !== undefined) {
    throw usage(
      "bundles are Sigstore's, of version 0.3; the older form of cosign 2 is not written",
      'Say --output-signature instead of --bundle, or leave out --new-bundle-format=false.',
    )
  }
  if (key !== undefined && flags.hashOnly === true) {
    throw usage('--hash-only says what is submitted to a server; with --key nothing is')
  }
  if (flags.hashOnly === true && flags.parameter !== undefined) {
    throw usage('a hash is signed without --parameter')
  }
  if (key !== undefined && outputCertificate !== undefined && certificate === undefined) {
    throw usage('expected --certificate with --output-certificate and --key')
  }
  const inputs = [file === '-' ? undefined : file, key, certificate, flags.certificateChain]
  await requireOtherFiles(inputs, outputs)
}

function usage(message: string, ...hints: readonly string[]): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message, { hints })
}

function readBlob(context: CliContext, flags: SignBlobFlags, file: string): Promise<Uint8Array> {
  const isSubmitted = flags.key === undefined && flags.hashOnly !== true
  const maxBytes = isSubmitted ? MAX_SUBMITTED_BYTES : MAX_BLOB_BYTES
  return file === '-' ? context.readStandardInputBytes(maxBytes) : readUserFile(file, maxBytes)
}

async function openBlobSigner(
  context: CliContext,
  flags: SignBlobFlags,
  deadline: Deadline,
): Promise<MessageSigner> {
  const signer = await openSigner(context, flags, 'sign-blob', deadline)
  if (flags.hashOnly !== true) return signer
  const signing = {
    projectSlug: flags.project ?? '',
    signingPolicySlug: flags.signingPolicy ?? '',
    artifactConfigurationSlug: flags.artifactConfiguration ?? null,
    description: flags.description ?? null,
  }
  const client = await connect(context, flags, { signal: deadline.signal })
  return createHashSigner(context, client, signing, signer)
}

function isAttached({ certificate, attachCertificate }: SignBlobFlags): boolean {
  return certificate !== undefined || attachCertificate === true
}

/** The certificate of the key, where it is wanted. */
async function readChain(
  { output }: CliContext,
  flags: SignBlobFlags,
  signer: MessageSigner,
): Promise<X509Certificate | undefined> {
  if (isAttached(flags)) {
    const { leaf } = await readAttachedChain(output, signer, new Date())
    return parseCertificate(leaf)
  }
  if (flags.outputCertificate === undefined) return undefined
  return orderChain(await signer.readChain(), signer.publicKey)[0]
}

/** With the key itself: whether anyone trusts its certificate is not asked here. */
function requireSignature(bundle: Uint8Array, bytes: Uint8Array, publicKey: Uint8Array): void {
  const byKey: Bundle = { ...parseBundle(bundle), signer: { kind: 'publicKey' } }
  verifyBundle(byKey, { publicKey }, { artifact: { bytes } }, new Date())
}

async function write(
  { output }: CliContext,
  path: string | undefined,
  bytes: Uint8Array,
  what: string,
): Promise<void> {
  if (path === undefined) return
  await writeUserFile(path, bytes)
  output.progress(`wrote ${what} to ${path}`)
}

/** The signature as it is written and printed, from base64. */
function inForm({ b64 }: SignBlobFlags, signature: string): Uint8Array {
  return b64 ? new TextEncoder().encode(signature) : decodeBase64(signature)
}

interface BlobResult {
  readonly digest: string
  readonly outcome: 'signed' | 'submitted'
  readonly signingRequest: SigningRequestSummary | null
  /** DER SubjectPublicKeyInfo of the key that signed. */
  readonly publicKey?: Uint8Array
  /** Base64. */
  readonly signature?: string
}

function report({ output }: CliContext, flags: SignBlobFlags, result: BlobResult): void {
  const { digest, outcome, signingRequest, publicKey, signature = null } = result
  if (flags.json === true) {
    const publicKeySha256 = publicKey === undefined ? null : sha256Hex(publicKey)
    const document = { digest, outcome, signature, publicKeySha256, signingRequest }
    output.result(true, document, () => '')
    return
  }
  if (signature === null) return
  if (flags.bundle !== undefined || flags.outputSignature !== undefined) return
  output.raw(inForm(flags, signature))
  if (flags.b64) output.raw('\n')
}
