import { ChanceryError } from '../errors/chancery-error.ts'
import { type Bundle, type BundleSigner, parseBundle } from '../format/bundle.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import {
  type ExpectedContent,
  findMessage,
  type VerifiedContent,
  verifyContent,
} from './bundle-content.ts'
import { type BundleTrust, openSignerKey, requireSoundTrust } from './bundle-trust.ts'
import { requireKnownMembers } from './known-members.ts'
import { SignedMessage } from './signed-message.ts'
import { type ExpectedSigner, type VerifiedEvidence, verifyEvidence } from './signing-evidence.ts'

/** What a bundle has to prove. */
export type BundleExpectation = ExpectedContent & ExpectedSigner

const EXPECTATIONS = [
  'artifact',
  'predicateType',
  'annotations',
  'certificate',
  'signerCertificate',
  'requires',
] as const satisfies readonly (keyof BundleExpectation)[]

/** What a bundle proves. */
export interface VerifiedBundle extends VerifiedEvidence {
  readonly content: VerifiedContent
}

/**
 * Verifies a Sigstore bundle in memory; returns only if all of it holds.
 *
 * In this order: the signature over the artifact or the statement; the entries of the logs that are trusted, each bound to
 * this artifact, this signature and this signer; the timestamps of the authorities that are trusted; the certificate's
 * path, at every moment that a log or an authority vouches for, or `now` where none does; the certificate transparency
 * logs that are trusted; whose certificate it is; what the statement is about. Entries and timestamps of strangers count for nothing. Those of whom the verifier trusts must
 * hold, required or not. The same log or authority under two names counts once.
 *
 * @param bundle The text of the bundle, at most 24 MiB, or what `parseBundle` returned.
 * @param now The present: nothing may be of later, and a certificate without a vouched-for time has to be valid then.
 * @throws ChanceryError of the kind `refused` if a check fails; the code names the check, the message what was expected
 *   and found.
 * @throws ChanceryError ERR_FORMAT_BUNDLE, ERR_FORMAT_DSSE, ERR_FORMAT_JSON, ERR_X509_CERTIFICATE, ERR_FORMAT_DER or
 *   ERR_CRYPTO_KEY if the bundle is malformed.
 * @throws ChanceryError ERR_VERIFY_EXPECTATION or ERR_VERIFY_TRUSTED_ROOT if the caller asks for what cannot be, or by a name
 *   that is not known, or for nothing: a member that is undefined.
 */
export function verifyBundle(
  bundle: Bundle | Uint8Array | string,
  trust: BundleTrust,
  expected: BundleExpectation,
  now: Date,
): VerifiedBundle {
  requireKnownMembers(expected, EXPECTATIONS)
  requireSoundTrust(trust, expected, now)
  const parsed = isText(bundle) ? parseBundle(bundle) : bundle
  const certificate = readCertificate(parsed.signer, trust)
  const message = findMessage(parsed, expected)
  const signed = new SignedMessage(message, { key: openSignerKey(trust, certificate), certificate })
  signed.verify()
  const evidence = verifyEvidence(parsed, signed, trust.trustedRoot, expected, now)
  const content = verifyContent(parsed, expected, signed)
  return { content, ...evidence }
}

function isText(bundle: Bundle | Uint8Array | string): bundle is Uint8Array | string {
  return typeof bundle === 'string' || bundle instanceof Uint8Array
}

function readCertificate(
  signer: BundleSigner,
  { publicKey }: BundleTrust,
): X509Certificate | undefined {
  if (signer.kind === 'certificate' && publicKey === undefined) {
    return parseCertificate(signer.certificate)
  }
  if (signer.kind === 'publicKey' && publicKey !== undefined) return undefined
  throw new ChanceryError(
    'ERR_VERIFY_SIGNER',
    publicKey === undefined
      ? 'expected a signature with a certificate, found one with a key'
      : 'expected a signature with a key, found one with a certificate',
  )
}
