import { ChanceryError } from '../errors/chancery-error.ts'
import { parseBundle } from '../format/bundle.ts'
import { type DsseEnvelope, encodePae, parseEnvelope } from '../format/dsse.ts'
import { parseJson } from '../format/json.ts'
import { COSIGN_SIGNATURE_PREDICATE } from '../format/image-statement.ts'
import type { SimpleSigningPayload } from '../format/simple-signing.ts'
import type { Statement } from '../format/in-toto.ts'
import { parseCertificate } from '../x509/certificate.ts'
import {
  type AttachedEnvelope,
  type AttachedSignature,
  readAttachedEvidence,
} from './attached-signature.ts'
import { type VerifiedContent, verifyContent } from './bundle-content.ts'
import { type BundleTrust, openSignerKey, requireSoundTrust } from './bundle-trust.ts'
import { type ExpectedImage, readSignedPayload, requireRepository } from './expected-image.ts'
import { decodeSignature } from './simple-signing-signature.ts'
import { SignedMessage } from './signed-message.ts'
import { type ExpectedSigner, type VerifiedEvidence, verifyEvidence } from './signing-evidence.ts'
import { verifyBundle } from './verify-bundle.ts'

/** A signature or an attestation of an image, in whatever format. Nothing in it is proven. */
export type UnverifiedSignature =
  /** The text of a Sigstore bundle, at most 24 MiB. */
  | { readonly format: 'bundle'; readonly text: Uint8Array }
  | ({ readonly format: 'envelope' } & AttachedEnvelope)
  | ({ readonly format: 'simple-signing' } & AttachedSignature)

/** What the signature of an image has to satisfy, whatever its format. */
export interface ExpectedImageSignature extends ExpectedImage, ExpectedSigner {
  /** Whether the repository must have been signed: bundles that Cosign makes do not name it. False by default. */
  readonly requiresIdentity?: boolean
  /**
   * The type of the attestation that is asked for; left out, the signature of the image is. `any` accepts signatures and
   * every type.
   */
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

/**
 * Verifies a signature or an attestation of an image; returns only if all of it holds: the signature itself; who made it and
 * when, as {@link verifyEvidence} says; that it is about this digest, of this type, for this repository where it names one,
 * with these annotations.
 *
 * With a public key a certificate that Cosign attached says nothing and is not read; in a bundle it is refused. Entries of
 * logs and timestamps are read only where a trusted root says whose word counts. The timestamp that Cosign attaches to an
 * envelope is over the signature, or, by Cosign up to 2, over the text of the envelope, which holds the signature.
 *
 * @throws ChanceryError of the kind `refused` if a check fails; the code names the check.
 * @throws ChanceryError ERR_FORMAT_* or ERR_X509_* if it is malformed.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION if the caller asks for what cannot be.
 */
export function verifyImageSignature(
  found: UnverifiedSignature,
  trust: BundleTrust,
  expected: ExpectedImageSignature,
  now: Date,
): VerifiedImageSignature {
  switch (found.format) {
    case 'bundle':
      return verifyImageBundle(found.text, trust, expected, now)
    case 'envelope':
      return verifyAttachedEnvelope(found, trust, expected, now)
    case 'simple-signing':
      return verifyAttachedSignature(found, trust, expected, now)
  }
}

function verifyAttachedSignature(
  attached: AttachedSignature,
  trust: BundleTrust,
  expected: ExpectedImageSignature,
  now: Date,
): VerifiedImageSignature {
  requireSoundTrust(trust, expected, now)
  requireSignatureWanted(expected)
  const signature = decodeSignature(attached.signature)
  const evidence = readAttachedEvidence(attached, trust, expected)
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
  if (predicateType === undefined || predicateType === 'any') return
  if (predicateType === COSIGN_SIGNATURE_PREDICATE) return
  throw new ChanceryError(
    'ERR_VERIFY_PREDICATE_TYPE',
    `expected a statement of the type ${predicateType}, found the signature of an image`,
  )
}

/** What {@link verifyBundle} checks, of the one statement that is asked for, and the repository, where it names one. */
function verifyImageBundle(
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

function verifyAttachedEnvelope(
  attached: AttachedEnvelope,
  trust: BundleTrust,
  expected: ExpectedImageSignature,
  now: Date,
): VerifiedImageSignature {
  requireSoundTrust(trust, expected, now)
  const envelope = parseAttachedEnvelope(attached)
  const evidence = {
    ...readAttachedEvidence(attached, trust, expected),
    signatureHolder: attached.text,
  }
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
    signed,
  )
  return { ...verified, ...readStatement('envelope', envelope, content, expected) }
}

/**
 * The envelope of an attestation that Cosign attached.
 *
 * @throws ChanceryError ERR_FORMAT_DSSE or ERR_FORMAT_JSON if it is anything else, or larger than 24 MiB.
 */
export function parseAttachedEnvelope({ text }: AttachedEnvelope): DsseEnvelope {
  return parseEnvelope(parseJson(text, { maxBytes: MAX_ENVELOPE_BYTES }))
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
