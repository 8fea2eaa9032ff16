import { type DsseEnvelope, MAX_SIGNATURE_BYTES, parseEnvelope } from './dsse.ts'
import { parseJson } from './json.ts'
import { ProtoJsonObject } from './proto-json.ts'

/** A Sigstore bundle: a signature with all that is needed to verify it. Nothing in it is proven. */
export interface Bundle {
  readonly version: '0.1' | '0.2' | '0.3'
  readonly content: BundleContent
  readonly signer: BundleSigner
  /** At most 32. */
  readonly logEntries: readonly BundleLogEntry[]
  /** DER TimeStampResp (RFC 3161, 2.4.2), at most 32. */
  readonly timestamps: readonly Uint8Array[]
}

/** What was signed: an artifact that is not in the bundle, or an envelope that is. */
export type BundleContent =
  | {
      readonly kind: 'message'
      /** The hash of the artifact as the signer says; undefined where it is left out. */
      readonly digest: BundleDigest | undefined
      /** ECDSA: DER `Ecdsa-Sig-Value`. RSA and Ed25519: raw bytes. */
      readonly signature: Uint8Array
    }
  | ({ readonly kind: 'envelope' } & DsseEnvelope)

/** A hash with its algorithm. */
export interface BundleDigest {
  readonly algorithm: 'sha256' | 'sha384' | 'sha512'
  readonly hash: Uint8Array
}

/** Who signed: a key that the verifier knows, or the subject of a certificate. */
export type BundleSigner =
  | {
      readonly kind: 'publicKey'
      /** What the signer calls the key, any text; Cosign's is the key's SHA-256 in base64. Left out where it is empty. */
      readonly hint?: string
    }
  | {
      readonly kind: 'certificate'
      /** DER. */
      readonly certificate: Uint8Array
      /** DER, in no order that counts; at most 19. */
      readonly intermediates: readonly Uint8Array[]
    }

/** An entry of a transparency log, with what the log said about it. */
export interface BundleLogEntry {
  /** The index over all shards of the log. */
  readonly logIndex: number
  /** 32 bytes for the logs of today, at most 64. */
  readonly logId: Uint8Array
  readonly kind: string
  readonly version: string
  /** Unix time in seconds; 0 where the log says none. Proven only by `inclusionPromise`. */
  readonly integratedTime: number
  /** The signed entry timestamp: a signature of the log's key. */
  readonly inclusionPromise: Uint8Array | undefined
  readonly inclusionProof: BundleInclusionProof | undefined
  /** The bytes of the leaf, JSON. */
  readonly body: Uint8Array
}

/** That a leaf is in a tree. Source: RFC 6962, 2.1.1. */
export interface BundleInclusionProof {
  /** The index in this tree. */
  readonly logIndex: number
  readonly treeSize: number
  /** 32 bytes. */
  readonly rootHash: Uint8Array
  /** At most 64 of 32 bytes. */
  readonly hashes: readonly Uint8Array[]
  /** The note in which the log signs the root. Undefined only in bundles of version 0.1. */
  readonly checkpoint: string | undefined
}

/** The most bytes a bundle may have: 24 MiB, of which 16 MiB may be the payload. */
export const MAX_BUNDLE_BYTES = 24 * 1024 * 1024

const CODE = 'ERR_FORMAT_BUNDLE'
const MAX_ENTRIES = 32
const MAX_TIMESTAMPS = 32
const MAX_TIMESTAMP_BYTES = 64 * 1024
const MAX_CERTIFICATES = 20
const MAX_CERTIFICATE_BYTES = 64 * 1024
const MAX_BODY_BYTES = 1024 * 1024
const MAX_CHECKPOINT_CHARACTERS = 64 * 1024
const MAX_PROOF_HASHES = 64
const HASH_BYTES = 32
const KEY_ID_BYTES = 64

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=(0\.[123])|\.v(0\.[123])\+json)$/

const HASH_ALGORITHMS: ReadonlyMap<string, BundleDigest['algorithm']> = new Map([
  ['SHA2_256', 'sha256'],
  ['SHA2_384', 'sha384'],
  ['SHA2_512', 'sha512'],
] as const)

const SIGNERS = ['publicKey', 'x509CertificateChain', 'certificate'] as const

/**
 * Reads a Sigstore bundle of version 0.1, 0.2 or 0.3: strict JSON, no members but those of the format, the members that
 * exclude one another not together, nothing over its limit.
 *
 * @param document The text; at most 24 MiB.
 * @throws ChanceryError ERR_FORMAT_BUNDLE, ERR_FORMAT_DSSE or ERR_FORMAT_JSON if it is anything else.
 * Source: sigstore/protobuf-specs, sigstore_bundle.proto; sigstore/architecture-docs, "Sigstore Bundle Format".
 */
export function parseBundle(document: Uint8Array | string): Bundle {
  const names = ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope']
  const value = parseJson(document, { maxBytes: MAX_BUNDLE_BYTES })
  const bundle = new ProtoJsonObject(value, '$', CODE, names)
  const version = readVersion(bundle)
  const material = bundle.object(
    'verificationMaterial',
    ...SIGNERS,
    'tlogEntries',
    'timestampVerificationData',
  )
  const timestamps = material
    .optionalObject('timestampVerificationData', 'rfc3161Timestamps')
    ?.objects('rfc3161Timestamps', MAX_TIMESTAMPS, 'signedTimestamp')
  return {
    version,
    content: readContent(bundle),
    signer: readSigner(material, version),
    logEntries: material
      .objects('tlogEntries', MAX_ENTRIES, ...ENTRY_MEMBERS)
      .map((entry) => readEntry(entry, version)),
    timestamps: (timestamps ?? []).map((one) => one.bytes('signedTimestamp', MAX_TIMESTAMP_BYTES)),
  }
}

function readVersion(bundle: ProtoJsonObject): Bundle['version'] {
  const match = MEDIA_TYPE.exec(bundle.text('mediaType'))
  const version = match?.[1] ?? match?.[2]
  if (version === undefined) {
    throw bundle.refuse('mediaType', 'a Sigstore bundle of version 0.1, 0.2 or 0.3')
  }
  return version as Bundle['version']
}

function readContent(bundle: ProtoJsonObject): BundleContent {
  if (bundle.oneOf('messageSignature', 'dsseEnvelope') === 'dsseEnvelope') {
    return { kind: 'envelope', ...parseEnvelope(bundle.openObject('dsseEnvelope'), 'dsseEnvelope') }
  }
  const message = bundle.object('messageSignature', 'messageDigest', 'signature')
  const digest = message.optionalObject('messageDigest', 'algorithm', 'digest')
  return {
    kind: 'message',
    digest: digest === undefined ? undefined : readDigest(digest),
    signature: message.bytes('signature', MAX_SIGNATURE_BYTES),
  }
}

function readDigest(digest: ProtoJsonObject): BundleDigest {
  const algorithm = HASH_ALGORITHMS.get(digest.text('algorithm'))
  if (algorithm === undefined) {
    throw digest.refuse('algorithm', [...HASH_ALGORITHMS.keys()].join(', '))
  }
  return { algorithm, hash: digest.bytes('digest', KEY_ID_BYTES) }
}

function readSigner(material: ProtoJsonObject, version: Bundle['version']): BundleSigner {
  const kind = material.oneOf(...SIGNERS)
  if (kind === 'publicKey') {
    const hint = material.object('publicKey', 'hint').optionalText('hint')
    return hint === undefined || hint === '' ? { kind } : { kind, hint }
  }
  if (kind === 'certificate') {
    if (version !== '0.3') throw material.refuse(kind, 'this member from version 0.3 on only')
    const certificate = material.object(kind, 'rawBytes').bytes('rawBytes', MAX_CERTIFICATE_BYTES)
    return { kind: 'certificate', certificate, intermediates: [] }
  }
  const [certificate, ...intermediates] = readCertificates(material, kind)
  if (certificate === undefined) throw material.refuse(kind, 'at least one certificate')
  return { kind: 'certificate', certificate, intermediates }
}

/**
 * The certificates of an `X509CertificateChain`, DER, at most 20.
 *
 * @throws ChanceryError with the code of the document if there are more, or one is no base64.
 */
export function readCertificates(parent: ProtoJsonObject, name: string): readonly Uint8Array[] {
  return parent
    .object(name, 'certificates')
    .objects('certificates', MAX_CERTIFICATES, 'rawBytes')
    .map((one) => one.bytes('rawBytes', MAX_CERTIFICATE_BYTES))
}

const ENTRY_MEMBERS = [
  'logIndex',
  'logId',
  'kindVersion',
  'integratedTime',
  'inclusionPromise',
  'inclusionProof',
  'canonicalizedBody',
]

function readEntry(entry: ProtoJsonObject, version: Bundle['version']): BundleLogEntry {
  const kindVersion = entry.object('kindVersion', 'kind', 'version')
  const promise = entry.optionalObject('inclusionPromise', 'signedEntryTimestamp')
  const proof = entry.optionalObject('inclusionProof', ...PROOF_MEMBERS)
  if (version === '0.1' && promise === undefined) {
    throw entry.refuse('inclusionPromise', 'a promise, as version 0.1 asks for,')
  }
  if (version !== '0.1' && proof?.has('checkpoint') !== true) {
    throw entry.refuse(
      'inclusionProof',
      `a proof with its checkpoint, as version ${version} asks for,`,
    )
  }
  return {
    logIndex: entry.integerOrZero('logIndex'),
    logId: entry.object('logId', 'keyId').bytes('keyId', KEY_ID_BYTES),
    kind: kindVersion.text('kind', 64),
    version: kindVersion.text('version', 64),
    integratedTime: entry.integerOrZero('integratedTime'),
    inclusionPromise: promise?.bytes('signedEntryTimestamp', MAX_SIGNATURE_BYTES),
    inclusionProof: proof === undefined ? undefined : readProof(proof),
    body: entry.bytes('canonicalizedBody', MAX_BODY_BYTES),
  }
}

const PROOF_MEMBERS = ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint']

function readProof(proof: ProtoJsonObject): BundleInclusionProof {
  const rootHash = proof.bytes('rootHash', HASH_BYTES)
  const hashes = proof.bytesList('hashes', MAX_PROOF_HASHES, HASH_BYTES)
  if ([rootHash, ...hashes].some(({ length }) => length !== HASH_BYTES)) {
    throw proof.refuse('hashes', `hashes of ${HASH_BYTES} bytes`)
  }
  return {
    logIndex: proof.integerOrZero('logIndex'),
    treeSize: proof.integer('treeSize'),
    rootHash,
    hashes,
    checkpoint: proof
      .optionalObject('checkpoint', 'envelope')
      ?.text('envelope', MAX_CHECKPOINT_CHARACTERS),
  }
}
