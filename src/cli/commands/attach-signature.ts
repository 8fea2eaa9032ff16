import { sha256 } from '../../crypto/digest.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { decodeBase64 } from '../../format/base64.ts'
import { encodeBundle, publicKeyHint } from '../../format/bundle-writer.ts'
import { MAX_BUNDLE_BYTES, parseBundle } from '../../format/bundle.ts'
import { decodePae, IN_TOTO_PAYLOAD_TYPE, resemblesPae } from '../../format/dsse.ts'
import { encodePem } from '../../format/pem.ts'
import {
  parseReference,
  referenceContext,
  type ImageReference,
} from '../../format/oci-reference.ts'
import { attachSignature } from '../../registry/attach-signature.ts'
import { resolveImage } from '../../registry/resolve-image.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { extractCertificates } from '../../x509/certificate-file.ts'
import { publishBundleOnce, requireBundleOf } from '../attach-bundle.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { aboutFile, readUserFile } from '../local-files.ts'
import { readPublicKeyFlag } from '../public-key-flag.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'
import { readSignatureText } from '../signature-file.ts'

/** The flags of `chancery attach signature`. */
export interface AttachSignatureFlags extends RegistryFlags, JsonFlag {
  readonly payload?: string
  readonly signature?: string
  readonly bundle?: string
  readonly certificate?: string
  readonly certificateChain?: string
  readonly key?: string
}

const MAX_FILE_BYTES = 1024 * 1024

/** `chancery attach signature`: says on stderr what became of it. */
export async function attach(
  this: CliContext,
  flags: AttachSignatureFlags,
  image: string,
): Promise<void> {
  const { payload, signature, bundle } = flags
  const reference = parseReference(image)
  if (bundle !== undefined) {
    const isAlone = [payload, signature, flags.certificate, flags.certificateChain].every(
      (value) => value === undefined,
    )
    if (!isAlone) throw usage('expected --bundle alone: it has signature and certificate in it')
    const bytes = await readUserFile(bundle, MAX_BUNDLE_BYTES)
    await aboutFile(bundle, () => parseBundle(bytes))
    await attachBundle(this, flags, reference, bytes)
  } else if (payload === undefined || signature === undefined) {
    throw usage('expected --payload and --signature, or --bundle')
  } else await attachLegacy(this, flags, reference, { payload, signature })
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}

async function attachLegacy(
  context: CliContext,
  flags: AttachSignatureFlags,
  reference: ImageReference,
  files: { readonly payload: string; readonly signature: string },
): Promise<void> {
  const payload = await readUserFile(files.payload, MAX_BUNDLE_BYTES)
  const bytes = await readUserFile(files.signature, MAX_FILE_BYTES)
  const signature = await aboutFile(files.signature, () => readSignatureText(bytes))
  if (resemblesPae(payload)) {
    await attachBundle(context, flags, reference, await makeBundle(flags, payload, signature))
    return
  }
  const certificate = await readPem(flags.certificate, readOneCertificate)
  const certificateChain = await readPem(flags.certificateChain, extractCertificates)
  const publicKey = await readPublicKeyFlag(flags.key)
  const signal = new Deadline(flags.timeout).signal
  using client = await openRegistryClient(context, flags, [reference])
  const resolved = await resolveImage(client, reference, signal)
  const { tag, outcome, signatures } = await attachSignature(
    client,
    resolved,
    { payload, signature, certificate, certificateChain },
    { signal, ...(publicKey === undefined ? {} : { publicKey }) },
  )
  const name = referenceContext(reference)
  context.output.progress(
    outcome === 'attached'
      ? `Attached the signature to ${name}@${resolved.digest}; it has ${signatures} now.`
      : `${name}@${resolved.digest} has this signature already.`,
  )
  const document = {
    image: `${name}@${resolved.digest}`,
    tag: `${name}:${tag}`,
    outcome,
    signatures,
  }
  context.output.result(flags.json, document, () => '')
}

/** Publishes a bundle as it is. A bundle that is about another image is refused, signed or not. */
async function attachBundle(
  context: CliContext,
  flags: AttachSignatureFlags,
  reference: ImageReference,
  bytes: Uint8Array,
): Promise<void> {
  const publicKey = await readPublicKeyFlag(flags.key)
  const signal = new Deadline(flags.timeout).signal
  using client = await openRegistryClient(context, flags, [reference])
  const image = await resolveImage(client, reference, signal)
  const predicateType = requireBundleOf(bytes, image, publicKey)
  const name = `${referenceContext(reference)}@${image.digest}`
  const published = await publishBundleOnce(client, image, { bytes, predicateType }, signal)
  const { outcome } = published
  context.output.progress(
    outcome === 'attached' ? `Attached the bundle to ${name}.` : `${name} has this bundle already.`,
  )
  const found = `${referenceContext(reference)}@${published.digest}`
  context.output.result(
    flags.json,
    { image: name, referrer: found, predicateType, outcome },
    () => '',
  )
}

/** The bundle of a signature over what `chancery generate --pae` printed. */
async function makeBundle(
  { key, certificate: certificateFile, certificateChain }: AttachSignatureFlags,
  pae: Uint8Array,
  signature: string,
): Promise<Uint8Array> {
  if (certificateChain !== undefined) {
    throw usage('expected no --certificate-chain: a bundle holds the certificate of the key alone')
  }
  const { payloadType, payload } = decodePae(pae)
  if (payloadType !== IN_TOTO_PAYLOAD_TYPE)
    throw usage('expected an in-toto statement in --payload')
  const content = { kind: 'statement', payload, signature: decodeBase64(signature) } as const
  if (certificateFile === undefined) {
    const publicKey = await readPublicKeyFlag(key)
    const hint = publicKey === undefined ? '' : publicKeyHint(sha256(publicKey))
    return encodeBundle({ kind: 'publicKey', hint }, content)
  }
  const file = await readUserFile(certificateFile, MAX_FILE_BYTES)
  const [certificate] = await aboutFile(certificateFile, () => readOneCertificate(file))
  return encodeBundle({ kind: 'certificate', certificate }, content)
}

function readOneCertificate(file: Uint8Array): readonly [Uint8Array] {
  const [certificate, ...others] = extractCertificates(file)
  if (certificate !== undefined && others.length === 0) return [parseCertificate(certificate).der]
  throw usage(`expected exactly one certificate, found ${others.length + 1}`)
}

/** The certificates of a file as they are attached, in whatever form they are in it. */
async function readPem(
  path: string | undefined,
  read: (file: Uint8Array) => readonly Uint8Array[],
): Promise<string | undefined> {
  if (path === undefined) return undefined
  const bytes = await readUserFile(path, MAX_FILE_BYTES)
  return aboutFile(path, () => {
    const certificates = read(bytes).map((der) => parseCertificate(der).der)
    return certificates.map((der) => encodePem('CERTIFICATE', der)).join('')
  })
}
