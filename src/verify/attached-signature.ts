import { ChanceryError } from '../errors/chancery-error.ts'
import { parseAttachedLogEntry, parseAttachedTimestamp } from '../format/attached-evidence.ts'
import type { BundleLogEntry, BundleSigner } from '../format/bundle.ts'
import { decodePem } from '../format/pem.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { BundleTrust } from './bundle-trust.ts'
import type { ExpectedSigner, SigningEvidence } from './signing-evidence.ts'

/** What Cosign attaches to an image beside a signature or an attestation, as annotations. Nothing in it is proven. */
export interface AttachedEvidence {
  /** PEM of the signer's certificate. */
  readonly certificate?: string | undefined
  /** PEM of the certificates above it. */
  readonly certificateChain?: string | undefined
  /** The annotation `dev.sigstore.cosign/bundle`. */
  readonly logEntry?: string | undefined
  /** The annotation `dev.sigstore.cosign/rfc3161timestamp`. */
  readonly timestamp?: string | undefined
}

/** A signature as Cosign attaches it to an image, with what came along. */
export interface AttachedSignature extends AttachedEvidence {
  /** The metadata file, byte for byte as it was signed. */
  readonly payload: Uint8Array
  /** Standard base64, padded; white space in it is ignored. */
  readonly signature: string
}

/** An attestation as Cosign attaches it to an image, with what came along. */
export interface AttachedEnvelope extends AttachedEvidence {
  /** The text of a DSSE envelope; its signature is in it. */
  readonly text: Uint8Array
}

const MAX_PEM = 512 * 1024
const MAX_CERTIFICATES = 20

/**
 * What has to be verified of what came along: with a public key a certificate says nothing and is not read; entries of logs
 * and timestamps are read only where a trusted root says whose word counts.
 *
 * @throws ChanceryError ERR_VERIFY_SIGNER if a certificate is needed and there is none.
 * @throws ChanceryError ERR_FORMAT_* or ERR_X509_* if it is malformed.
 */
export function readAttachedEvidence(
  attached: AttachedEvidence,
  trust: BundleTrust,
  expected: ExpectedSigner,
): SigningEvidence {
  const isKnown = trust.trustedRoot !== undefined
  return {
    signer: readSigner(attached, trust, expected),
    logEntries: isKnown ? readLogEntries(attached) : [],
    timestamps: isKnown ? readTimestamps(attached) : [],
  }
}

/**
 * All that came along, whoever is trusted.
 *
 * @throws ChanceryError ERR_FORMAT_* or ERR_X509_* if it is malformed.
 */
export function readClaimedEvidence(attached: AttachedEvidence): SigningEvidence {
  return {
    signer: readCertificateSigner(attached) ?? { kind: 'publicKey' },
    logEntries: readLogEntries(attached),
    timestamps: readTimestamps(attached),
  }
}

function readLogEntries({ logEntry = '' }: AttachedEvidence): readonly BundleLogEntry[] {
  return logEntry === '' ? [] : [parseAttachedLogEntry(logEntry)]
}

function readTimestamps({ timestamp = '' }: AttachedEvidence): readonly Uint8Array[] {
  return timestamp === '' ? [] : [parseAttachedTimestamp(timestamp)]
}

function readSigner(
  attached: AttachedEvidence,
  { publicKey }: BundleTrust,
  { signerCertificate }: ExpectedSigner,
): BundleSigner {
  if (publicKey !== undefined) return { kind: 'publicKey' }
  const signer = readCertificateSigner(attached)
  if (signer !== undefined) return signer
  if (signerCertificate !== undefined) {
    return { kind: 'certificate', certificate: signerCertificate, intermediates: [] }
  }
  throw new ChanceryError(
    'ERR_VERIFY_SIGNER',
    'expected a signature with a certificate, found one with a key',
  )
}

/** Undefined where no certificate came along. */
function readCertificateSigner({
  certificate: pem = '',
  certificateChain = '',
}: AttachedEvidence): BundleSigner | undefined {
  const [certificate, ...others] = decodeCertificates(pem)
  if (certificate === undefined) return undefined
  // The chain that Cosign attaches ends with the root, which nobody trusts for being there.
  const above = [...others, ...decodeCertificates(certificateChain)]
  const intermediates = above.filter((one) => !isSelfIssued(one))
  return { kind: 'certificate', certificate, intermediates }
}

function decodeCertificates(pem: string): readonly Uint8Array[] {
  if (pem.length > MAX_PEM) {
    throw new ChanceryError(
      'ERR_FORMAT_PEM',
      `expected at most ${MAX_PEM} characters of certificates`,
    )
  }
  const blocks = decodePem(pem)
  if (blocks.length > MAX_CERTIFICATES || blocks.some(({ label }) => label !== 'CERTIFICATE')) {
    throw new ChanceryError(
      'ERR_FORMAT_PEM',
      `expected at most ${MAX_CERTIFICATES} certificates with the signature, and nothing else`,
    )
  }
  return blocks.map(({ bytes }) => bytes)
}

function isSelfIssued(der: Uint8Array): boolean {
  const { subjectName, issuerName } = parseCertificate(der)
  return Buffer.compare(subjectName, issuerName) === 0
}
