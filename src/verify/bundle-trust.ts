import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import type { X509Certificate } from '../x509/certificate.ts'
import { requireKnownMembers } from './known-members.ts'
import type { ExpectedSigner } from './signing-evidence.ts'
import type { TrustedRoot } from './trusted-root.ts'

/** Whom the verifier trusts. */
export type BundleTrust =
  | {
      /** Authorities and logs; the bundle has to be signed with a certificate. */
      readonly trustedRoot: TrustedRoot
      readonly publicKey?: undefined
    }
  | {
      /** The key that has to have signed, DER SubjectPublicKeyInfo, or opened for many verifications. */
      readonly publicKey: VerificationKey | Uint8Array
      /** Logs and timestamp authorities, where they are required. */
      readonly trustedRoot?: TrustedRoot
    }

/**
 * Checks what a caller asks for: callers without types can leave out what the types ask for.
 *
 * @throws ChanceryError ERR_VERIFY_EXPECTATION if it is incomplete or contradicts itself.
 */
export function requireSoundTrust(
  { publicKey, trustedRoot }: Partial<BundleTrust>,
  { certificate, requires }: ExpectedSigner,
  now: Date,
): void {
  if (Number.isNaN(now.getTime())) throw expectationError('now', 'a time')
  if (publicKey === undefined && trustedRoot === undefined) {
    throw expectationError('trust', 'a public key or a trusted root')
  }
  if ((publicKey === undefined) !== (certificate !== undefined)) {
    throw expectationError('certificate', 'either a public key, or whose certificate signed')
  }
  requireKnownMembers(requires ?? {}, ['log', 'timestamp', 'sct'])
  const { log = 0, timestamp = 0, sct = 0 } = requires ?? {}
  if (sct > 0 && certificate === undefined) {
    throw expectationError('requires', 'timestamps of a certificate only where one signs')
  }
  for (const count of [log, timestamp, sct]) {
    const isCount = Number.isInteger(count) && count >= 0
    if (!isCount || (count > 0 && trustedRoot === undefined)) {
      throw expectationError('requires', 'whole numbers, and a trusted root to count by')
    }
  }
}

function expectationError(field: string, expected: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_EXPECTATION', `expected ${expected}`, { field })
}

/**
 * The key that has to have signed: the certificate's, or else the one that is trusted.
 *
 * @throws ChanceryError ERR_CRYPTO_KEY if it cannot be used.
 */
export function openSignerKey(
  { publicKey, trustedRoot }: BundleTrust,
  certificate: X509Certificate | undefined,
): VerificationKey {
  const found = certificate?.publicKey ?? publicKey
  if (found === undefined) throw expectationError('trust', 'a public key or a trusted root')
  if (found instanceof VerificationKey) return found
  return trustedRoot?.keyRing.open(found) ?? new VerificationKey(found)
}
