/** `chancery/verify`: verifies Sigstore bundles in memory, without I/O and without a clock. docs/verify.md explains it. */
export { verifyBundle } from '../verify/verify-bundle.ts'
export type { BundleTrust } from '../verify/bundle-trust.ts'
export type { BundleExpectation, VerifiedBundle } from '../verify/verify-bundle.ts'
export type { ExpectedSigner, VerifiedSigner } from '../verify/signing-evidence.ts'
export type { ExpectedContent, VerifiedContent } from '../verify/bundle-content.ts'
export type {
  CertificateIdentity,
  ExpectedIdentity,
  ExpectedWorkflow,
} from '../verify/certificate-identity.ts'
export type { VerifiedCertificateTimestamp } from '../verify/certificate-transparency.ts'
export type { VerifiedLogEntry } from '../verify/log-entry.ts'
export type { VerifiedTimestamp } from '../verify/timestamp.ts'
export { loadTrustedRoot, TrustedRoot } from '../verify/trusted-root.ts'
export { readPublicKeyFile } from '../verify/public-key-file.ts'
export { VerificationKey } from '../crypto/verification-key.ts'
export { parseBundle } from '../format/bundle.ts'
export type { Bundle } from '../format/bundle.ts'
export type { Statement, StatementSubject } from '../format/in-toto.ts'
export { ChanceryError } from '../errors/chancery-error.ts'
export type { ErrorCode } from '../errors/codes.ts'
