import { encodeBase64 } from './base64.ts'
import type { BundleDigest } from './bundle.ts'
import { IN_TOTO_PAYLOAD_TYPE } from './dsse.ts'

/** Media type and artifact type of a Sigstore bundle, version 0.3. Source: Sigstore, protobuf-specs, sigstore_bundle.proto. */
export const SIGSTORE_BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** Who signed, as a bundle says it. */
export type NewBundleSigner =
  /** A key that the verifier has. The hint helps nobody to verify; it tells keys apart. */
  | { readonly kind: 'publicKey'; readonly hint: string }
  /** DER. A bundle of version 0.3 holds no other certificates: the verifier has those of the authority. */
  | { readonly kind: 'certificate'; readonly certificate: Uint8Array }

/** What was signed, and the signature. */
export type NewBundleContent =
  | {
      readonly kind: 'statement'
      /** The text of an in-toto statement. */
      readonly payload: Uint8Array
      /** Over its pre-authentication encoding. ECDSA: DER `Ecdsa-Sig-Value`. RSA: raw. */
      readonly signature: Uint8Array
    }
  | {
      readonly kind: 'artifact'
      /** The hash of the artifact that was signed. */
      readonly digest: BundleDigest
      /** Over the artifact; encoded as that of a statement. */
      readonly signature: Uint8Array
    }

/**
 * The hint at a public key that Cosign writes: its SHA-256, in base64.
 *
 * @param fingerprint SHA-256 of the DER SubjectPublicKeyInfo, 32 bytes.
 */
export function publicKeyHint(fingerprint: Uint8Array): string {
  return encodeBase64(fingerprint)
}

/**
 * Prints a Sigstore bundle of version 0.3, without log entries and timestamps: the members in the order that Cosign 3
 * writes, no white space, no `keyid`, which Cosign refuses. Equal contents give equal bytes.
 *
 * Source: Sigstore, protobuf-specs, sigstore_bundle.proto; Cosign 3.
 */
export function encodeBundle(signer: NewBundleSigner, content: NewBundleContent): Uint8Array {
  const verificationMaterial =
    signer.kind === 'publicKey'
      ? { publicKey: { hint: signer.hint } }
      : { certificate: { rawBytes: encodeBase64(signer.certificate) } }
  const bundle = {
    mediaType: SIGSTORE_BUNDLE,
    verificationMaterial,
    ...membersOf(content),
  }
  return new TextEncoder().encode(JSON.stringify(bundle))
}

const PROTO_NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const

function membersOf(content: NewBundleContent): object {
  const signature = encodeBase64(content.signature)
  if (content.kind === 'statement') {
    return {
      dsseEnvelope: {
        payload: encodeBase64(content.payload),
        payloadType: IN_TOTO_PAYLOAD_TYPE,
        signatures: [{ sig: signature }],
      },
    }
  }
  return {
    messageSignature: {
      messageDigest: {
        algorithm: PROTO_NAMES[content.digest.algorithm],
        digest: encodeBase64(content.digest.hash),
      },
      signature,
    },
  }
}
