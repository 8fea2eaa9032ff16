import { ChanceryError } from '../../errors/chancery-error.ts'
import { decodeBase64 } from '../../format/base64.ts'
import { encodeEnvelope, IN_TOTO_PAYLOAD_TYPE } from '../../format/dsse.ts'
import { referenceContext } from '../../format/oci-reference.ts'
import { attachAttestation } from '../../registry/attach-attestation.ts'
import { isWanted, verifyPublishedBundle } from '../../registry/find-bundle.ts'
import { verifyEnvelope } from '../../registry/own-attestations.ts'
import { publishBundle } from '../../registry/publish-bundle.ts'
import type { RegistryClient } from '../../registry/registry-client.ts'
import { removeArtifacts } from '../../registry/remove-artifacts.ts'
import { sha256Hex } from '../../crypto/digest.ts'
import type { Output } from '../output.ts'
import { counted } from '../counted.ts'
import { makeBundle, type SignatureOwner } from '../sign/made-signature.ts'
import type { SignatureOutcome } from '../sign/publish-signature.ts'
import type { AttestationToMake } from './attestation-to-make.ts'
import type { AttestationLook } from './look-for-attestations.ts'

/** An attestation in both its forms, verified. */
export interface MadeAttestation {
  /** A DSSE envelope, JSON, as it is under the tag. */
  readonly envelope: Uint8Array
  /** A Sigstore bundle, JSON. */
  readonly bundle: Uint8Array
}

/** What attestations are published with. */
export interface AttestationPublication extends SignatureOwner {
  readonly signedAt: Date
  readonly signal: AbortSignal
}

/**
 * Puts a signature into both forms of an attestation, and verifies it.
 *
 * @param signature Base64.
 * @throws ChanceryError ERR_VERIFY_SIGNATURE if it is not one of the key over the statement.
 */
export function makeAttestation(
  { statement, image, predicateType }: AttestationToMake,
  signature: string,
  owner: SignatureOwner,
): MadeAttestation {
  const payloadType = IN_TOTO_PAYLOAD_TYPE
  const envelope = encodeEnvelope({
    payload: statement,
    payloadType,
    signature: decodeBase64(signature),
  })
  verifyEnvelope(envelope, image, { publicKey: owner.publicKey, predicateType })
  return { envelope, bundle: makeBundle({ statement }, signature, owner) }
}

/**
 * Attaches an attestation under the tag, reads it back and verifies it.
 *
 * @throws ChanceryError what `attachAttestation` and `verifyEnvelope` throw.
 */
export async function attachUnderTag(
  output: Output,
  client: RegistryClient,
  { attestation, replaced }: AttestationLook,
  { envelope }: MadeAttestation,
  { publicKey, chain, signal }: AttestationPublication,
): Promise<SignatureOutcome> {
  const { image, predicateType, name } = attestation
  const { certificate, certificateChain } = chain ?? {}
  const attached = await attachAttestation(
    client,
    image,
    { envelope, predicateType, certificate, certificateChain },
    { replaced: replaced.legacy, signal },
  )
  const { tag, outcome, attestations } = attached
  const digest = `sha256:${sha256Hex(envelope)}`
  const found = await client.blobs.get(image.repository, digest, envelope.length, signal)
  verifyEnvelope(found, image, { publicKey, predicateType })
  output.progress(`attached: ${name}, which has ${counted(attestations, 'attestation')} now`)
  if (replaced.legacy.size > 0) {
    output.progress(`replaced: ${attached.replaced} of ${replaced.legacy.size} under ${tag}`)
  }
  return {
    format: 'legacy',
    outcome: outcome === 'attached' ? 'attached' : 'already-signed',
    reference: `${referenceContext(image.repository)}:${tag}`,
  }
}

/**
 * Publishes an attestation as a referrer, reads it back and verifies it; then removes those that it replaces, where the
 * registry removes anything.
 *
 * @throws ChanceryError what `publishBundle` and `verifyPublishedBundle` throw.
 */
export async function publishAsReferrer(
  output: Output,
  client: RegistryClient,
  { attestation, replaced }: AttestationLook,
  { bundle }: MadeAttestation,
  { publicKey, chain, signedAt, signal }: AttestationPublication,
): Promise<SignatureOutcome> {
  const { image, statement, predicateType, name } = attestation
  const wanted = { statement, predicateType, publicKey, certificate: chain?.leaf }
  if (!isWanted(bundle, image, wanted)) {
    throw new ChanceryError(
      'ERR_VERIFY_SIGNATURE',
      `expected a signature over the statement about ${name}, found one that does not verify`,
    )
  }
  const published = { bytes: bundle, predicateType, createdAt: signedAt }
  const { digest, listedBy } = await publishBundle(client, image, published, { signal })
  await verifyPublishedBundle(client, image, digest, wanted, signal)
  const where = listedBy === 'api' ? 'a referrer' : 'a referrer under the fallback tag'
  output.progress(`attached: ${name}, as a bundle (${where})`)
  await removeBundles(output, client, attestation, replaced.bundle, digest, signal)
  const reference = `${referenceContext(image.repository)}@${digest}`
  return { format: 'bundle', outcome: 'attached', reference }
}

async function removeBundles(
  output: Output,
  client: RegistryClient,
  { image }: AttestationToMake,
  digests: readonly string[],
  own: string,
  signal: AbortSignal,
): Promise<void> {
  const removals = digests
    .filter((digest) => digest !== own)
    .map((digest) => ({ kind: 'referrer', tag: undefined, digest }) as const)
  if (removals.length === 0) return
  try {
    await removeArtifacts(client, image.repository, image.digest, removals, signal)
    output.progress(`replaced: ${removals.length} earlier bundles are removed`)
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error
    output.warn(`earlier bundles stay beside the new one: ${error.message} (${error.code})`)
  }
}
