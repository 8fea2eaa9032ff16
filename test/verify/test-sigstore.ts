import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { encodePae, IN_TOTO_PAYLOAD_TYPE } from '../../src/format/dsse.ts'
import { canonicalJson } from '../../src/format/canonical-json.ts'
import { encodePem } from '../../src/format/pem.ts'
import { hashLeaf, hashNode } from '../../src/merkle/inclusion.ts'
import { OID } from '../../src/x509/oids.ts'
import { issueCertificate, type CertificateOptions, type Party, utf8 } from './test-certificates.ts'
import { makeTimestamp } from './test-timestamp.ts'

/** A transparency log with its key. */
export interface TestLog {
  readonly baseUrl: string
  readonly privateKey: KeyObject
  readonly publicKey: Uint8Array
  readonly logId: Uint8Array
}

/** Authorities and logs, and the moment at which all of them are valid. */
export interface TestSigstore {
  readonly root: Party
  readonly intermediate: Party
  readonly timestampRoot: Party
  readonly timestampAuthority: Party
  readonly log: TestLog
  /** A second of the same kind. */
  readonly otherLog: TestLog
  readonly signedAt: Date
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

/** The identity and the issuer in the certificates of {@link issueLeaf}. */
export const identity = 'release@acme.example'
/** See {@link identity}. */
export const issuer = 'https://login.acme.example'

/** Makes new authorities and logs. */
export function createTestSigstore(): TestSigstore {
  const root = issueCertificate('Acme Root', { isAuthority: true })
  const timestampRoot = issueCertificate('Time Root', { isAuthority: true })
  return {
    root,
    intermediate: issueCertificate('Acme Signing', { isAuthority: true, issuer: root }),
    timestampRoot,
    timestampAuthority: issueCertificate('Time', {
      issuer: timestampRoot,
      usages: [OID.timeStamping],
      isUsageCritical: true,
    }),
    log: createLog('https://rekor.acme.example'),
    otherLog: createLog('https://other.acme.example'),
    signedAt: new Date('2026-06-01T12:00:00Z'),
  }
}

function createLog(baseUrl: string): TestLog {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' })
  return { baseUrl, privateKey: keys.privateKey, publicKey, logId: sha256(publicKey) }
}

/** A leaf that is valid for ten minutes around the moment of signing. */
export function issueLeaf(sigstore: TestSigstore, options: CertificateOptions = {}): Party {
  return issueCertificate('Release', {
    issuer: sigstore.intermediate,
    notBefore: '2026-06-01T11:55:00Z',
    notAfter: '2026-06-01T12:05:00Z',
    email: identity,
    oidcIssuer: issuer,
    ...options,
  })
}

/** The trusted root of these authorities and logs, to be changed and printed. */
export function trustedRootOf(sigstore: TestSigstore): TrustedRootJson {
  const validFor = { start: '2026-01-01T00:00:00Z' }
  const chain = (...parties: readonly Party[]): { certificates: { rawBytes: string }[] } => ({
    certificates: parties.map(({ certificate }) => ({ rawBytes: base64(certificate) })),
  })
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [sigstore.log, sigstore.otherLog].map(({ baseUrl, publicKey, logId }) => ({
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: base64(publicKey), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
      logId: { keyId: base64(logId) },
    })),
    certificateAuthorities: [
      {
        subject: { organization: 'Acme', commonName: 'Acme Root' },
        uri: 'https://ca.acme.example',
        certChain: chain(sigstore.intermediate, sigstore.root),
        validFor,
      },
    ],
    timestampAuthorities: [
      {
        uri: 'https://time.acme.example',
        certChain: chain(sigstore.timestampAuthority, sigstore.timestampRoot),
        validFor,
      },
    ],
  }
}

type Mutable = Record<string, unknown>

/** As far as tests change it. */
export interface TrustedRootJson {
  mediaType: string
  tlogs: { baseUrl: string; publicKey: Mutable; logId: Mutable; hashAlgorithm: string }[]
  certificateAuthorities: Mutable[]
  timestampAuthorities: Mutable[]
}

/** As far as tests change it. */
export interface BundleJson {
  mediaType: string
  verificationMaterial: Mutable & {
    tlogEntries: Mutable[]
    timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] } | undefined
  }
  messageSignature?: { messageDigest: { algorithm: string; digest: string }; signature: string }
  dsseEnvelope?: {
    payload: string
    payloadType: string
    signatures: { sig: string; keyid?: string }[]
  }
}

/** What goes into a bundle beside the signature. */
export interface BundleOptions {
  readonly logs?: readonly TestLog[]
  /** Without one the log makes no promise, as Rekor v2. */
  readonly integratedAt?: Date | null
  readonly timestamps?: readonly Date[]
  /** Signed with the bare key, which the verifier knows. */
  readonly isKeySigned?: boolean
}

/** Signs an artifact as `cosign sign-blob` does. */
export function signArtifact(
  sigstore: TestSigstore,
  leaf: Party,
  artifact: Uint8Array,
  options: BundleOptions = {},
): BundleJson {
  const signature = sign('sha256', artifact, leaf.privateKey)
  const entry = {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: Buffer.from(sha256(artifact)).toString('hex') } },
      signature: { content: base64(signature), publicKey: { content: verifierOf(leaf, options) } },
    },
  }
  return {
    ...materialOf(sigstore, leaf, signature, entry, options),
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: base64(sha256(artifact)) },
      signature: base64(signature),
    },
  }
}

/** Signs a statement as `cosign attest` does. */
export function signStatement(
  sigstore: TestSigstore,
  leaf: Party,
  statement: object,
  options: BundleOptions = {},
): BundleJson {
  const payload = utf8(JSON.stringify(statement))
  const signature = sign('sha256', encodePae(IN_TOTO_PAYLOAD_TYPE, payload), leaf.privateKey)
  const hash = (bytes: Uint8Array): object => ({
    algorithm: 'sha256',
    value: Buffer.from(sha256(bytes)).toString('hex'),
  })
  const entry = {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hash(signature),
      payloadHash: hash(payload),
      signatures: [{ signature: base64(signature), verifier: verifierOf(leaf, options) }],
    },
  }
  return {
    ...materialOf(sigstore, leaf, signature, entry, options),
    dsseEnvelope: {
      payload: base64(payload),
      payloadType: IN_TOTO_PAYLOAD_TYPE,
      signatures: [{ sig: base64(signature) }],
    },
  }
}

function verifierOf(leaf: Party, { isKeySigned }: BundleOptions): string {
  const [label, der] =
    isKeySigned === true ? ['PUBLIC KEY', leaf.publicKey] : ['CERTIFICATE', leaf.certificate]
  return base64(utf8(encodePem(label, der)))
}

function materialOf(
  sigstore: TestSigstore,
  leaf: Party,
  signature: Uint8Array,
  entry: { readonly kind: string; readonly apiVersion: string },
  options: BundleOptions,
): BundleJson {
  const timestamps = (options.timestamps ?? []).map((time) => ({
    signedTimestamp: base64(
      makeTimestamp(sigstore.timestampAuthority, signature, time, {
        issuerName: sigstore.timestampRoot.name,
      }),
    ),
  }))
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      ...(options.isKeySigned === true
        ? { publicKey: { hint: base64(sha256(leaf.publicKey)) } }
        : { certificate: { rawBytes: base64(leaf.certificate) } }),
      tlogEntries: (options.logs ?? [sigstore.log]).map((log) =>
        appendEntry(
          log,
          entry,
          options.integratedAt === undefined ? sigstore.signedAt : options.integratedAt,
        ),
      ),
      ...(timestamps.length === 0
        ? {}
        : { timestampVerificationData: { rfc3161Timestamps: timestamps } }),
    },
  }
}

/** An entry as Rekor answers it: the second leaf of three, with a promise, a proof and a checkpoint. */
export function appendEntry(
  log: TestLog,
  entry: { readonly kind: string; readonly apiVersion: string },
  integratedAt: Date | null,
): Mutable {
  const body = utf8(canonicalJson(entry))
  const [first, last] = [hashLeaf(utf8('first')), hashLeaf(utf8('last'))]
  const rootHash = hashNode(hashNode(first, hashLeaf(body)), last)
  const host = new URL(log.baseUrl).host
  const text = `${host} - 42\n3\n${base64(rootHash)}\n`
  const noteSignature = Buffer.concat([
    log.logId.subarray(0, 4),
    sign('sha256', utf8(text), log.privateKey),
  ])
  const seconds = (integratedAt?.getTime() ?? 0) / 1000
  const promised = {
    body: base64(body),
    integratedTime: seconds,
    logID: Buffer.from(log.logId).toString('hex'),
    logIndex: 1001,
  }
  return {
    logIndex: '1001',
    logId: { keyId: base64(log.logId) },
    kindVersion: { kind: entry.kind, version: entry.apiVersion },
    integratedTime: String(seconds),
    ...(integratedAt === null
      ? {}
      : {
          inclusionPromise: {
            signedEntryTimestamp: base64(
              sign('sha256', utf8(canonicalJson(promised)), log.privateKey),
            ),
          },
        }),
    inclusionProof: {
      logIndex: '1',
      treeSize: '3',
      rootHash: base64(rootHash),
      hashes: [base64(first), base64(last)],
      checkpoint: { envelope: `${text}\n\u2014 ${host} ${base64(noteSignature)}\n` },
    },
    canonicalizedBody: base64(body),
  }
}
