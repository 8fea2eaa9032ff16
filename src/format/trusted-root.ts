import { readCertificates } from './bundle.ts'
import { parseJson } from './json.ts'
import { ProtoJsonObject } from './proto-json.ts'

/** The first and the last moment in which something may be used; both inclusive. */
export interface ValidityPeriod {
  /** Undefined where it has no beginning. */
  readonly start: Date | undefined
  /** Undefined where it has no end yet. */
  readonly end: Date | undefined
}

/** A log that verifiers trust: a transparency log or a certificate transparency log. */
export interface TrustedLog {
  readonly baseUrl: string
  /** DER SubjectPublicKeyInfo, unless `keyDetails` says otherwise. */
  readonly publicKey: Uint8Array
  /** The name of the enum PublicKeyDetails, such as `PKIX_ECDSA_P256_SHA_256`. */
  readonly keyDetails: string
  readonly validFor: ValidityPeriod
  /** How entries name the log: SHA-256 of the key, or the key id of its checkpoints (C2SP signed-note). */
  readonly logId: Uint8Array
  /** How checkpoints name the key, if the document says so. */
  readonly checkpointKeyId: Uint8Array | undefined
}

/** A certificate authority, for signing certificates or for timestamps. */
export interface TrustedAuthority {
  readonly uri: string | undefined
  /** DER, leaf-ward first, the trust anchor last; at least one. */
  readonly certificates: readonly Uint8Array[]
  readonly validFor: ValidityPeriod
}

/** A Sigstore trusted root: whom verifiers trust, for what, and when. */
export interface TrustedRootDocument {
  readonly logs: readonly TrustedLog[]
  readonly certificateAuthorities: readonly TrustedAuthority[]
  readonly certificateLogs: readonly TrustedLog[]
  readonly timestampAuthorities: readonly TrustedAuthority[]
}

const CODE = 'ERR_FORMAT_TRUSTED_ROOT'
const MAX_BYTES = 4 * 1024 * 1024
const MAX_LISTED = 256
const MAX_KEY_BYTES = 16 * 1024
const MAX_ID_BYTES = 64
const MAX_URL = 2048

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.[12]|\.v0\.[12]\+json)$/

/**
 * Reads a `trusted_root.json`: strict JSON, no members but those of the format. The media type that Cosign writes
 * is `application/vnd.dev.sigstore.trustedroot+json;version=0.1`; the other three spellings are read as well.
 *
 * @throws ChanceryError ERR_FORMAT_TRUSTED_ROOT or ERR_FORMAT_JSON if it is anything else, or larger than 4 MiB.
 * Source: sigstore/protobuf-specs, sigstore_trustroot.proto.
 */
export function parseTrustedRoot(document: Uint8Array | string): TrustedRootDocument {
  const root = new ProtoJsonObject(parseJson(document, { maxBytes: MAX_BYTES }), '$', CODE, [
    'mediaType',
    'tlogs',
    'certificateAuthorities',
    'ctlogs',
    'timestampAuthorities',
  ])
  if (!MEDIA_TYPE.test(root.text('mediaType'))) {
    throw root.refuse('mediaType', 'a Sigstore trusted root of version 0.1 or 0.2')
  }
  return {
    logs: root.objects('tlogs', MAX_LISTED, ...LOG_MEMBERS).map(readLog),
    certificateAuthorities: readAuthorities(root, 'certificateAuthorities'),
    certificateLogs: root.objects('ctlogs', MAX_LISTED, ...LOG_MEMBERS).map(readLog),
    timestampAuthorities: readAuthorities(root, 'timestampAuthorities'),
  }
}

const LOG_MEMBERS = [
  'baseUrl',
  'hashAlgorithm',
  'publicKey',
  'logId',
  'checkpointKeyId',
  'operator',
]

function readLog(log: ProtoJsonObject): TrustedLog {
  log.optionalText('operator')
  if (log.text('hashAlgorithm') !== 'SHA2_256') throw log.refuse('hashAlgorithm', 'SHA2_256')
  const publicKey = log.object('publicKey', 'rawBytes', 'keyDetails', 'validFor')
  const validFor = readPeriod(publicKey)
  if (validFor.start === undefined) throw publicKey.refuse('validFor', 'a period with its start')
  return {
    baseUrl: log.text('baseUrl', MAX_URL),
    publicKey: publicKey.bytes('rawBytes', MAX_KEY_BYTES),
    keyDetails: publicKey.text('keyDetails'),
    validFor,
    logId: log.object('logId', 'keyId').bytes('keyId', MAX_ID_BYTES),
    checkpointKeyId: log.optionalObject('checkpointKeyId', 'keyId')?.bytes('keyId', MAX_ID_BYTES),
  }
}

function readAuthorities(root: ProtoJsonObject, name: string): readonly TrustedAuthority[] {
  const members = ['subject', 'uri', 'certChain', 'validFor', 'operator']
  return root.objects(name, MAX_LISTED, ...members).map((authority) => {
    const subject = authority.optionalObject('subject', 'organization', 'commonName')
    subject?.optionalText('organization')
    subject?.optionalText('commonName')
    authority.optionalText('operator')
    const certificates = readCertificates(authority, 'certChain')
    if (certificates.length === 0) throw authority.refuse('certChain', 'at least one certificate')
    return {
      uri: authority.optionalText('uri', MAX_URL),
      certificates,
      validFor: readPeriod(authority),
    }
  })
}

function readPeriod(parent: ProtoJsonObject): ValidityPeriod {
  const period = parent.optionalObject('validFor', 'start', 'end')
  return {
    start: period?.has('start') === true ? period.time('start') : undefined,
    end: period?.has('end') === true ? period.time('end') : undefined,
  }
}

/** Whether a moment lies in a period, its ends included. Source: sigstore_common.proto, TimeRange. */
export function isWithin(period: ValidityPeriod, at: Date): boolean {
  const { start, end } = period
  return (start === undefined || at >= start) && (end === undefined || at <= end)
}
