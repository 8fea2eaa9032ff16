import { ChanceryError } from '../../errors/chancery-error.ts'
import { requireAttestation } from '../../format/attestation.ts'
import { MAX_BUNDLE_BYTES } from '../../format/bundle.ts'
import { IN_TOTO_PAYLOAD_TYPE, parseEnvelope } from '../../format/dsse.ts'
import { parseJson } from '../../format/json.ts'
import { parseReference, referenceContext } from '../../format/oci-reference.ts'
import { attachAttestation } from '../../registry/attach-attestation.ts'
import { verifyEnvelope } from '../../registry/own-attestations.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { resolveImage, type ImageByDigest } from '../../registry/resolve-image.ts'
import { publishBundleOnce, requireBundleOf } from '../attach-bundle.ts'
import type { CliContext } from '../context.ts'
import { Deadline } from '../deadline.ts'
import type { JsonFlag } from '../flags.ts'
import { aboutFile, readUserFile } from '../local-files.ts'
import { readPublicKeyFlag } from '../public-key-flag.ts'
import { openRegistryClient } from '../registry-access.ts'
import type { RegistryFlags } from '../registry-flags.ts'

/** The flags of `chancery attach attestation`. */
export interface AttachAttestationFlags extends RegistryFlags, JsonFlag {
  readonly attestation: readonly string[]
  readonly key?: string
}

/** The most attestations of one call. */
const MAX_ATTESTATIONS = 100

/** An attestation that was made elsewhere, checked. */
interface ReadAttestation {
  readonly format: 'legacy' | 'bundle'
  /** The envelope or the bundle, byte for byte. */
  readonly bytes: Uint8Array
  readonly predicateType: string
}

/**
 * `chancery attach attestation`: attaches envelopes under the tag and bundles as referrers. Nothing is attached before
 * all of them are known to be about the image, and, with `--key`, to be signed with the key.
 */
export async function attachAttestations(
  this: CliContext,
  flags: AttachAttestationFlags,
  name: string,
): Promise<void> {
  const reference = parseReference(name)
  const documents: { readonly path: string; readonly bytes: Uint8Array }[] = []
  for (const path of flags.attestation) {
    const lines = splitLines(await readUserFile(path, MAX_BUNDLE_BYTES))
    documents.push(...lines.map((bytes) => ({ path, bytes })))
  }
  if (documents.length === 0 || documents.length > MAX_ATTESTATIONS) {
    const found = documents.length
    throw usage(`expected 1 to ${MAX_ATTESTATIONS} attestations, found ${found}`)
  }
  const publicKey = await readPublicKeyFlag(flags.key)
  const signal = new Deadline(flags.timeout).signal
  using client = await openRegistryClient(this, flags, [reference])
  const image = await resolveImage(client, reference, signal)
  const attestations = await Promise.all(
    documents.map(({ path, bytes }) =>
      aboutFile(path, () => readAttestation(bytes, image, publicKey)),
    ),
  )
  const byDigest = `${referenceContext(image.repository)}@${image.digest}`
  const results: object[] = []
  for (const attestation of attestations) {
    const attached = await attach(client, image, attestation, signal)
    const { format, predicateType } = attestation
    const what = `the attestation of the type ${predicateType}`
    this.output.progress(
      attached.outcome === 'attached'
        ? `Attached ${what} to ${byDigest}.`
        : `${byDigest} has ${what} already.`,
    )
    results.push({ image: byDigest, predicateType, format, ...attached })
  }
  this.output.result(flags.json, { attestations: results }, () => '')
}

/** One document, or one on each line. */
function splitLines(file: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(file).toString('utf8')
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isOnEachLine = lines.length > 1 && lines.every((line) => /^\s*\{.*\}\s*$/.test(line))
  return isOnEachLine ? lines.map((line) => Buffer.from(line.trim())) : [Buffer.from(text.trim())]
}

function readAttestation(
  bytes: Uint8Array,
  image: ImageByDigest,
  publicKey: Uint8Array | undefined,
): ReadAttestation {
  const document = parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES })
  if (typeof document === 'object' && document !== null && 'mediaType' in document) {
    return { format: 'bundle', bytes, predicateType: requireBundleOf(bytes, image, publicKey) }
  }
  const { payload, payloadType } = parseEnvelope(document)
  if (payloadType !== IN_TOTO_PAYLOAD_TYPE) {
    throw new ChanceryError(
      'ERR_VERIFY_CONTENT',
      `expected an envelope with an in-toto statement (${IN_TOTO_PAYLOAD_TYPE})`,
    )
  }
  const about = { name: referenceContext(image.repository), manifestDigest: image.digest }
  const { predicateType } = requireAttestation(payload, about)
  if (publicKey !== undefined) verifyEnvelope(bytes, image, { publicKey, predicateType })
  return { format: 'legacy', bytes, predicateType }
}

async function attach(
  client: RegistryClient,
  image: ImageByDigest,
  { format, bytes, predicateType }: ReadAttestation,
  signal: AbortSignal,
): Promise<{ readonly outcome: string; readonly reference: string }> {
  const context = referenceContext(image.repository)
  if (format === 'bundle') {
    const published = await publishBundleOnce(client, image, { bytes, predicateType }, signal)
    return { outcome: published.outcome, reference: `${context}@${published.digest}` }
  }
  const attestation = { envelope: bytes, predicateType }
  const { outcome, tag } = await attachAttestation(client, image, attestation, { signal })
  return { outcome, reference: `${context}:${tag}` }
}

function usage(message: string): ChanceryError {
  return new ChanceryError('ERR_CLI_USAGE', message)
}
