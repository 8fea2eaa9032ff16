import { sha256Hex } from '../crypto/digest.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import {
  MAX_MANIFEST_ENTRIES,
  OCI_IMAGE_CONFIG,
  OCI_IMAGE_MANIFEST,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
} from '../format/oci-manifest.ts'

/** Media type of a layer that is a Cosign metadata file. Source: Cosign, SIGNATURE_SPEC.md. */
export const SIMPLE_SIGNING_LAYER = 'application/vnd.dev.cosign.simplesigning.v1+json'

/** Annotations of a layer that is a signature. Source: Cosign, SIGNATURE_SPEC.md. */
export const SIGNATURE = 'dev.cosignproject.cosign/signature'
/** PEM of the signer's certificate. */
export const CERTIFICATE = 'dev.sigstore.cosign/certificate'
/** PEM of the certificates above it. */
export const CERTIFICATE_CHAIN = 'dev.sigstore.cosign/chain'
/** What Rekor said, JSON. */
export const LOG_ENTRY = 'dev.sigstore.cosign/bundle'
/** What a timestamp authority said, JSON. */
export const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp'
/** What Cosign writes for every time, so that equal signatures give equal manifests. */
const NO_TIME = '0001-01-01T00:00:00Z'

/** A signature of an image with what it signs. */
export interface SignatureToAttach {
  /** The Cosign metadata file, byte for byte as it was signed. */
  readonly payload: Uint8Array
  /** Standard base64, padded, on one line. */
  readonly signature: string
  /** PEM of the certificate of the key. */
  readonly certificate?: string | undefined
  /** PEM of the certificates above it, the root last. */
  readonly certificateChain?: string | undefined
}

/** The tag beside an image under which its signatures are: `sha256-<hex>.sig`. Source: Cosign, SIGNATURE_SPEC.md. */
export function signatureTag(digest: string): string {
  return `${digest.replace(':', '-')}.sig`
}

/** The layer that stands for one signature. */
export function describeSignature(signature: SignatureToAttach): Descriptor {
  const { payload, certificate = '', certificateChain = '' } = signature
  return {
    mediaType: SIMPLE_SIGNING_LAYER,
    size: payload.length,
    digest: `sha256:${sha256Hex(payload)}`,
    annotations: {
      [SIGNATURE]: signature.signature,
      ...(certificate === '' ? {} : { [CERTIFICATE]: certificate }),
      ...(certificateChain === '' ? {} : { [CERTIFICATE_CHAIN]: certificateChain }),
    },
  }
}

/** The signature of a layer as it was attached, line breaks included; undefined if the layer is something else. */
export function signatureTextOf(layer: Descriptor): string | undefined {
  return layer.mediaType === SIMPLE_SIGNING_LAYER ? layer.annotations?.[SIGNATURE] : undefined
}

/** What came along with the signature of a layer, as it was attached. */
export function evidenceOf({ annotations = {} }: Descriptor): {
  readonly certificate: string | undefined
  readonly certificateChain: string | undefined
  readonly logEntry: string | undefined
  readonly timestamp: string | undefined
} {
  return {
    certificate: annotations[CERTIFICATE],
    certificateChain: annotations[CERTIFICATE_CHAIN],
    logEntry: annotations[LOG_ENTRY],
    timestamp: annotations[TIMESTAMP],
  }
}

/**
 * The layers of what lies under a signature tag.
 *
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if it is an index, which no tool writes there.
 */
export function layersOfSignatures(manifest: ImageManifest | ImageIndex): readonly Descriptor[] {
  if (manifest.kind === 'manifest') return manifest.layers
  throw new ChanceryError(
    'ERR_REGISTRY_SIGNATURES',
    'expected the signature tag to hold an image manifest, found an index',
    { hints: ['Somebody else uses this tag; move what it holds elsewhere.'] },
  )
}

/** Two blobs that are a set of signatures, ready to be pushed. */
export interface EncodedSignatures {
  readonly mediaType: typeof OCI_IMAGE_MANIFEST
  readonly bytes: Uint8Array
  /** The configuration, to be pushed first. */
  readonly config: Uint8Array
}

/**
 * The manifest of a set of signatures and its configuration, byte for byte what Cosign writes for the same layers.
 *
 * @param kept The manifest that is replaced; its annotations and subject stay.
 * @throws ChanceryError ERR_REGISTRY_SIGNATURES if there are more layers than any reader accepts.
 */
export function encodeSignatures(
  layers: readonly Descriptor[],
  kept?: Pick<ImageManifest, 'annotations' | 'subject'>,
): EncodedSignatures {
  if (layers.length > MAX_MANIFEST_ENTRIES) {
    throw new ChanceryError(
      'ERR_REGISTRY_SIGNATURES',
      `expected at most ${MAX_MANIFEST_ENTRIES} signatures of one image`,
      { hints: ['Remove signatures that are no longer needed, for example with cosign clean.'] },
    )
  }
  const config = encodeGoJson({
    architecture: '',
    created: NO_TIME,
    history: layers.map(() => ({ created: NO_TIME })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  })
  const bytes = encodeGoJson({
    schemaVersion: 2,
    mediaType: OCI_IMAGE_MANIFEST,
    config: {
      mediaType: OCI_IMAGE_CONFIG,
      size: config.length,
      digest: `sha256:${sha256Hex(config)}`,
    },
    layers: layers.map(inGoOrder),
    ...(kept?.annotations === undefined ? {} : { annotations: sorted(kept.annotations) }),
    ...(kept?.subject === undefined ? {} : { subject: inGoOrder(kept.subject) }),
  })
  return { mediaType: OCI_IMAGE_MANIFEST, bytes, config }
}

function inGoOrder({ mediaType, size, digest, data, annotations, artifactType }: Descriptor) {
  return {
    mediaType,
    size,
    digest,
    ...(data === undefined ? {} : { data }),
    ...(annotations === undefined ? {} : { annotations: sorted(annotations) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  }
}

function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  const byBytes = (one: string, other: string) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other))
  return Object.fromEntries(
    Object.keys(map)
      .sort(byBytes)
      .map((name) => [name, map[name] ?? '']),
  )
}

/** JSON as Go prints it: with these characters escaped, which occur nowhere but in strings. */
function encodeGoJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return new TextEncoder().encode(text)
}
