import { isCertificateSignedBy } from '../crypto/certificate-signature.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseCertificate, type X509Certificate } from './certificate.ts'

/** The most certificates a chain may have. */
export const MAX_CHAIN_LENGTH = 20

/**
 * Orders certificates into the chain of a key: leaf first, each signed by the next, up to where they end.
 *
 * Every certificate has to have its place in the chain, and every issuer to be an authority. The validity is not looked
 * at: a chain is stored before and after it.
 *
 * @param certificates DER, in any order.
 * @param publicKey The leaf's, DER SubjectPublicKeyInfo.
 * @throws ChanceryError ERR_X509_CERTIFICATE if one does not parse.
 * @throws ChanceryError ERR_X509_KEY if none, or more than one, is for the key.
 * @throws ChanceryError ERR_X509_CHAIN if one is there twice, is not part of the chain, was not signed by its issuer or
 *   was issued by a certificate that is no authority; or there are more than 20.
 */
export function orderChain(
  certificates: readonly Uint8Array[],
  publicKey: Uint8Array,
): readonly X509Certificate[] {
  if (certificates.length > MAX_CHAIN_LENGTH) {
    throw chainError(
      `expected at most ${MAX_CHAIN_LENGTH} certificates, found ${certificates.length}`,
    )
  }
  const parsed = certificates.map(parseCertificate)
  refuseDuplicates(parsed)
  const chain = [findLeaf(parsed, publicKey)]
  const rest = new Set(parsed)
  for (;;) {
    const last = chain.at(-1)
    if (last === undefined) break
    rest.delete(last)
    const issuer = findIssuer(last, rest)
    if (issuer === undefined) break
    chain.push(issuer)
  }
  const [stranger] = rest
  if (stranger !== undefined) {
    throw chainError(`the certificate of ${stranger.subject} is not part of the chain`, [
      'Leave it out, or add the certificates between it and the leaf.',
    ])
  }
  return chain
}

function chainError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_X509_CHAIN', message, { hints })
}

function refuseDuplicates(certificates: readonly X509Certificate[]): void {
  const seen = new Set<string>()
  for (const { thumbprint, subject } of certificates) {
    if (seen.has(thumbprint)) throw chainError(`the certificate of ${subject} is there twice`)
    seen.add(thumbprint)
  }
}

function findLeaf(
  certificates: readonly X509Certificate[],
  publicKey: Uint8Array,
): X509Certificate {
  const leaves = certificates.filter((each) => Buffer.compare(each.publicKey, publicKey) === 0)
  const [leaf, another] = leaves
  if (leaf === undefined) {
    const subjects = certificates.map(({ subject }) => subject).join('; ')
    throw new ChanceryError(
      'ERR_X509_KEY',
      `expected a certificate for the public key, found certificates of ${subjects}`,
      { hints: ['What is expected is the certificate that was issued for this key.'] },
    )
  }
  if (another !== undefined) {
    throw new ChanceryError(
      'ERR_X509_KEY',
      `expected one certificate for the public key, found ${leaves.length}`,
      { hints: ['Leave the one to be used, with its chain.'] },
    )
  }
  return leaf
}

/** The one among the others that issued this certificate; undefined at a root, or where the chain ends before it. */
function findIssuer(
  certificate: X509Certificate,
  others: ReadonlySet<X509Certificate>,
): X509Certificate | undefined {
  if (Buffer.compare(certificate.subjectName, certificate.issuerName) === 0) {
    if (!isCertificateSignedBy(certificate.der, certificate.publicKey)) {
      throw chainError(`the certificate of ${certificate.subject} does not carry its own signature`)
    }
    return undefined
  }
  const named = [...others].filter(
    (other) => Buffer.compare(other.subjectName, certificate.issuerName) === 0,
  )
  if (named.length === 0) return undefined
  const issuer = named.find((other) => isCertificateSignedBy(certificate.der, other.publicKey))
  if (issuer === undefined) {
    throw chainError(
      `the certificate of ${certificate.subject} was not signed by that of ${certificate.issuer}`,
    )
  }
  if (!issuer.isAuthority) {
    throw chainError(
      `the certificate of ${issuer.subject} is not an authority, so it cannot issue others`,
    )
  }
  return issuer
}
