import { ChanceryError } from '../errors/chancery-error.ts'
import { parseAttachedLogEntry, parseAttachedTimestamp } from '../format/attached-evidence.ts'
import { type BundleSigner, parseBundle } from '../format/bundle.ts'
import { type DsseEnvelope, encodePae, parseEnvelope } from '../format/dsse.ts'
import { parseJson } from '../format/json.ts'
import { decodePem } from '../format/pem.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import type { SimpleSigningPayload } from '../format/simple-signing.ts'
import type { Statement } from '../format/in-toto.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { type VerifiedContent, verifyContent } from './bundle-content.ts'
import { type BundleTrust, openSignerKey, requireSoundTrust } from './bundle-trust.ts'
import { type ExpectedImage, readSignedPayload, requireRepository } from './expected-image.ts'
import { decodeSignature } from './simple-signing-signature.ts'
import { SignedMessage } from './signed-message.ts'
import {
  type ExpectedSigner,
  type SigningEvidence,
  type VerifiedEvidence,
  verifyEvidence,
} from './signing-evidence.ts'
import { verifyBundle } from './verify-bundle.ts'

/** A signature as Cosign attaches it to an image, with what came along. */
export interface AttachedSignature {
  /** The metadata file, byte for byte as it was signed. */
  readonly payload: Uint8Array
  /** Standard base64, padded; white space in it is ignored. */
  readonly signature: string
  /** PEM of the signer's certificate. */
  readonly certificate?: string | undefined
  /** PEM of the certificates above it. */
  readonly certificateChain?: string | undefined
  /** The annotation `dev.sigstore.cosign/bundle`. */
  readonly logEntry?: string | undefined
  /** The annotation `dev.sigstore.cosign/rfc3161timestamp`. */
  readonly timestamp?: string | undefined
}

/** What the signature of an image has to satisfy, whatever its format. */
export interface ExpectedImageSignature extends ExpectedImage, ExpectedSigner {
  /** Whether the repository must have been signed: bundles that Cosign makes do not name it. False by default. */
  readonly requiresIdentity?: boolean
  /** The type of the attestation that is asked for; left out, the signature of the image is. */
  readonly predicateType?: string
}

/** What the signature of an image proves. */
export interface VerifiedImageSignature extends VerifiedEvidence {
  /** For which repository it was signed, as it says; undefined where it does not. */
  readonly identity: string | undefined
  /** As they were signed; values are any JSON. */
  readonly annotations: Readonly<Record<string, unknown>>
  readonly content:
    | { readonly format: 'simple-signing'; readonly payload: SimpleSigningPayload }
    | {
        readonly format: 'bundle' | 'envelope'
        readonly statement: Statement
        /** The envelope, as Cosign prints it. */
        readonly envelope: DsseEnvelope
      }
}

/** The most bytes the text of an envelope may have. */
const MAX_ENVELOPE_BYTES = 24 * 1024 * 1024

const MAX_PEM = 512 * 1024
const MAX_CERTIFICATES = 20

/**
 * Verifies a signature that Cosign attached to an image; returns only if all of it holds: the signature over the metadata
 * file; who made it and when, as {@link verifyEvidence} says; what the metadata file says about digest, repository and
 * annotations.
 *
 * With a public key a certificate that came along says nothing and is not read. Entries of logs and timestamps are read
 * only where a trusted root says whose word counts.
 *
 * @throws ChanceryError of the kind `refused` if a check fails; the code names the check. ERR_VERIFY_PREDICATE_TYPE if an
 * attestation is asked for.
 * @throws ChanceryError ERR_FORMAT_* or ERR_X509_* if what came along is malformed.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION if the caller asks for what cannot be.
 */
export function verifyAttachedSignature(
  attached: AttachedSignature,
  trust: BundleTrust,
  expected: ExpectedImageSignature,
  now: Date,
): VerifiedImageSignature {
  requireSoundTrust(trust, expected, now)
  requireSignatureWanted(expected)
  const signature = decodeSignature(attached.signature)
  const evidence = readEvidence(attached, trust, expected)
  const certificate =
    evidence.signer.kind === 'certificate'
      ? parseCertificate(evidence.signer.certificate)
      : undefined
  const key = openSignerKey(trust, certificate)
  const signed = new SignedMessage({ message: attached.payload, signature }, { key, certificate })
  signed.verify()
  const verified = verifyEvidence(evidence, signed, trust.trustedRoot, expected, now)
  const payload = readSignedPayload(attached.payload, expected)
  return {
    ...verified,
    identity: payload.dockerReference,
    annotations: payload.annotations ?? {},
    content: { format: 'simple-signing', payload },
  }
}

/** A metadata file attests nothing, so that no signature over one is the attestation that is asked for. */
function requireSignatureWanted({ predicateType }: ExpectedImageSignature): void {
  if (predicateType === undefined || predicateType === COSIGN_SIGNATURE_PREDICATE) return
  throw new ChanceryError(
    'ERR_VERIFY_PREDICATE_TYPE',
    `expected a statement of the type ${predicateType}, found the signature of an image`,
  )
}

/**
 * Verifies a bundle that is the signature of an image; returns only if all of it holds: what {@link verifyBundle} checks,
 * of the one statement that is a signature and no attestation, and the repository, where the statement names one.
 *
 * @param bundle The text of the bundle, at most 24 MiB.
 * @throws ChanceryError as {@link verifyBundle} does.
 * @throws ChanceryError ERR_VERIFY_IDENTITY if it is for another repository, or for none where one is required.
 */
export function verifyImageBundle(
  bundle: Uint8Array,
  trust: BundleTrust,
  expected: ExpectedImageSignature,
  now: Date,
): VerifiedImageSignature {
  const { digest, annotations = {}, certificate, signerCertificate, requires } = expected
  const parsed = parseBundle(bundle)
  const { content, ...verified } = verifyBundle(
    parsed,
    trust,
    {
      artifact: { digest },
      predicateType: expected.predicateType ?? COSIGN_SIGNATURE_PREDICATE,
      annotations,
      ...(certificate === undefined ? {} : { certificate }),
      ...(signerCertificate === undefined ? {} : { signerCertificate }),
      ...(requires === undefined ? {} : { requires }),
    },
    now,
  )
  if (parsed.content.kind !== 'envelope') throw new TypeError('expected an envelope')
  return { ...verified, ...readStatement('bundle', parsed.content, content, expected) }
}

/**
 * Verifies an attestation as Cosign attaches it to an image; returns only if all of it holds, as
 * {@link verifyImageBundle} says. The timestamp that Cosign attaches is over the text of the envelope, not over the
 * signature; it is not looked at.
 *
 * @param attached The payload is the text of a DSSE envelope; its signature is in it.
 * @throws ChanceryError as {@link verifyImageBundle} does.
 */
export function verifyAttachedEnvelope(
  attached: Omit<AttachedSignature, 'signature'>,
  trust: BundleTrust,
  expected: ExpectedImageSignature,
  now: Date,
): VerifiedImageSignature {
  requireSoundTrust(trust, expected, now)
  const envelope = parseEnvelope(parseJson(attached.payload, { maxBytes: MAX_ENVELOPE_BYTES }))
  const evidence = readEvidence({ ...attached, signature: '', timestamp: '' }, trust, expected)
  const certificate =
    evidence.signer.kind === 'certificate'
      ? parseCertificate(evidence.signer.certificate)
      : undefined
  const { payload, payloadType, signature } = envelope
  const message = encodePae(payloadType, payload)
  const key = openSignerKey(trust, certificate)
  const signed = new SignedMessage(
    { message, payload, payloadType, signature },
    { key, certificate },
  )
  signed.verify()
  const verified = verifyEvidence(evidence, signed, trust.trustedRoot, expected, now)
  const { digest, annotations = {}, predicateType = COSIGN_SIGNATURE_PREDICATE } = expected
  const content = verifyContent(
    { content: { kind: 'envelope', ...envelope } },
    { artifact: { digest }, predicateType, annotations },
  )
  return { ...verified, ...readStatement('envelope', envelope, content, expected) }
}

function readStatement(
  format: 'bundle' | 'envelope',
  envelope: DsseEnvelope,
  content: VerifiedContent,
  expected: ExpectedImageSignature,
): Pick<VerifiedImageSignature, 'identity' | 'annotations' | 'content'> {
  if (content.kind !== 'statement') throw new TypeError('expected a statement')
  const { statement, subject } = content
  requireName(subject.name, expected)
  return {
    identity: subject.name,
    annotations: subject.annotations,
    content: { format, statement, envelope },
  }
}

function requireName(name: string | undefined, expected: ExpectedImageSignature): void {
  if (name !== undefined) {
    requireRepository(name, expected.repositories)
  } else if (expected.requiresIdentity === true) {
    throw new ChanceryError(
      'ERR_VERIFY_IDENTITY',
      'expected a signature for a repository, found one for the digest alone',
      { hints: ['Bundles that Cosign makes name no repository.'] },
    )
  }
}

function readEvidence(
  attached: AttachedSignature,
  trust: BundleTrust,
  expected: ExpectedSigner,
): SigningEvidence {
  const { logEntry = '', timestamp = '' } = attached
  const isKnown = trust.trustedRoot !== undefined
  return {
    signer: readSigner(attached, trust, expected),
    logEntries: isKnown && logEntry !== '' ? [parseAttachedLogEntry(logEntry)] : [],
    timestamps: isKnown && timestamp !== '' ? [parseAttachedTimestamp(timestamp)] : [],
  }
}

function readSigner(
  attached: AttachedSignature,
  { publicKey }: BundleTrust,
  { signerCertificate }: ExpectedSigner,
): BundleSigner {
  if (publicKey !== undefined) return { kind: 'publicKey' }
  const [certificate, ...others] = decodeCertificates(attached.certificate ?? '')
  if (certificate === undefined && signerCertificate !== undefined) {
    return { kind: 'certificate', certificate: signerCertificate, intermediates: [] }
  }
  if (certificate === undefined) {
    throw new ChanceryError(
      'ERR_VERIFY_SIGNER',
      'expected a signature with a certificate, found one with a key',
    )
  }
  const intermediates = decodeCertificates(attached.certificateChain ?? '')
  // The chain that Cosign attaches ends with the root, which nobody trusts for being there.
  return {
    kind: 'certificate',
    certificate,
    intermediates: [...others, ...intermediates].filter((one) => !isSelfIssued(one)),
  }
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
