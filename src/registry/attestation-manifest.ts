import { sha256Hex } from '../crypto/digest.ts'
import type { Descriptor } from '../format/oci-manifest.ts'
import { CERTIFICATE, CERTIFICATE_CHAIN, SIGNATURE } from './signature-manifest.ts'

/** Media type of a layer that is a DSSE envelope. Source: Cosign, ATTESTATION_SPEC.md. */
export const DSSE_LAYER = 'application/vnd.dsse.envelope.v1+json'

const PREDICATE_TYPE = 'predicateType'

/** An attestation as Cosign keeps it under a tag. */
export interface AttestationToAttach {
  /** A DSSE envelope, JSON, byte for byte as it is to be stored. */
  readonly envelope: Uint8Array
  /** Predicate type of the statement in it. */
  readonly predicateType: string
  /** PEM of the certificate of the key. */
  readonly certificate?: string | undefined
  /** PEM of the certificates above it, the root last. */
  readonly certificateChain?: string | undefined
}

/** The tag beside an image under which its attestations are: `sha256-<hex>.att`. Source: Cosign, ATTESTATION_SPEC.md. */
export function attestationTag(digest: string): string {
  return `${digest.replace(':', '-')}.att`
}

/** The layer that stands for one attestation. */
export function describeAttestation(attestation: AttestationToAttach): Descriptor {
  const { envelope, predicateType, certificate = '', certificateChain = '' } = attestation
  return {
    mediaType: DSSE_LAYER,
    size: envelope.length,
    digest: `sha256:${sha256Hex(envelope)}`,
    annotations: {
      // The signature is in the envelope; Cosign has this all the same.
      [SIGNATURE]: '',
      [PREDICATE_TYPE]: predicateType,
      ...(certificate === '' ? {} : { [CERTIFICATE]: certificate }),
      ...(certificateChain === '' ? {} : { [CERTIFICATE_CHAIN]: certificateChain }),
    },
  }
}

/** The predicate type that a layer claims, which nobody signed; undefined if it claims none. */
export function predicateTypeOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[PREDICATE_TYPE]
}
