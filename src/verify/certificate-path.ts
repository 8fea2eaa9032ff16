import { ChanceryError } from '../errors/chancery-error.ts'
import { isWithin } from '../format/trusted-root.ts'
import { allowsKeyUsage, readPathLength } from '../x509/constraints.ts'
import type { X509Certificate } from '../x509/certificate.ts'
import { OID } from '../x509/oids.ts'
import type { Authority, TrustedRoot } from './trusted-root.ts'

/** What a certificate is used for. */
export type CertificatePurpose = 'code signing' | 'timestamping'

/** What leads from a certificate to a trust anchor. */
export interface CertificatePath {
  readonly authority: Authority
  /** Leaf first, the trust anchor last. */
  readonly certificates: readonly X509Certificate[]
}

/** The most certificates between a leaf and its trust anchor, both included. */
const MAX_LENGTH = 10

/** The most certificates that are tried as links of one path. */
const MAX_TRIED = 100

const PURPOSE_OIDS = { 'code signing': OID.codeSigning, timestamping: OID.timeStamping } as const
const ANY_USAGE = '2.5.29.37.0'

/** The extensions that are checked here, or say nothing about whether a path holds. */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAlternativeName,
  OID.subjectKeyIdentifier,
  OID.authorityKeyIdentifier,
])

/**
 * Builds a path from a certificate to the trust anchor of one of the authorities, and checks it; returns only if all of
 * it holds at each of the moments: names chain byte for byte, every certificate is signed by the next and is valid, the
 * anchor included; issuers are authorities that may sign certificates, with enough path length; every certificate that
 * has extended key usages allows the purpose, for timestamping the leaf alone and critically; nobody has a critical
 * extension that is not known here, nor name constraints; the authority's own period covers the moment.
 *
 * @param intermediates From a stranger: they may be links, never the end.
 * @param at When the key was used; at least one moment, each authenticated by somebody or the present.
 * @throws ChanceryError ERR_VERIFY_CERTIFICATE if there is no such path.
 * @throws ChanceryError ERR_VERIFY_CERTIFICATE_TIME if there is one but it was not valid then.
 * Source: RFC 5280, 6.1, without policies and revocation.
 */
export function verifyCertificatePath(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  trustedRoot: TrustedRoot,
  purpose: CertificatePurpose,
  at: readonly Date[],
): CertificatePath {
  if (at.length === 0) throw new TypeError('expected at least one moment')
  requireLeaf(leaf, purpose)
  const authorities =
    purpose === 'timestamping'
      ? trustedRoot.timestampAuthorities
      : trustedRoot.certificateAuthorities
  let failure: ChanceryError | undefined
  for (const authority of authorities) {
    const certificates = findPath(leaf, intermediates, authority, trustedRoot, purpose)
    if (certificates === undefined) continue
    const path = { authority, certificates }
    failure = findTimeFailure(path, at)
    if (failure === undefined) return path
  }
  if (failure !== undefined) throw failure
  throw certificateError(
    `expected a path from the certificate of "${printableName(leaf)}", issued by "${leaf.issuer}", ` +
      `to one of ${authorities.length} trusted authorities for ${purpose}, found none that holds`,
    isIssuerKnown(leaf, intermediates, authorities) ? [] : [ISSUER_HINT],
  )
}

const ISSUER_HINT =
  'There is no certificate of the issuer. A signature often brings that of the signer alone: the trusted root needs all ' +
  'authorities above it (`chancery trusted-root create --certificate-chain`), or give them with `--ca-intermediates`.'

function isIssuerKnown(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  authorities: readonly Authority[],
): boolean {
  const known = [...authorities.flatMap(({ certificates }) => certificates), ...intermediates]
  return known.some(({ subjectName }) => Buffer.compare(subjectName, leaf.issuerName) === 0)
}

function requireLeaf(leaf: X509Certificate, purpose: CertificatePurpose): void {
  const reason = findFault(leaf, purpose)
  if (reason !== undefined) throw certificateError(`the signer's certificate ${reason}`)
  if (!allowsKeyUsage(leaf, 'digitalSignature')) {
    throw certificateError("the signer's certificate is not for digital signatures (keyUsage)")
  }
  if (purpose !== 'timestamping') return
  const usage = leaf.extensions.get(OID.extendedKeyUsage)
  if (usage?.isCritical !== true || leaf.extendedKeyUsages?.length !== 1) {
    throw certificateError(
      "the timestamp authority's certificate: expected the one extended key usage timeStamping, critical",
    )
  }
}

/** Why a certificate can be no part of a path, whoever issued it; undefined if nothing speaks against it. */
function findFault(certificate: X509Certificate, purpose: CertificatePurpose): string | undefined {
  for (const [oid, { isCritical }] of certificate.extensions) {
    if (isCritical && !KNOWN_EXTENSIONS.has(oid)) return `has the unknown critical extension ${oid}`
  }
  if (certificate.extensions.has(OID.nameConstraints)) return 'has name constraints'
  const usages = certificate.extendedKeyUsages
  const isLeaf = !certificate.isAuthority
  const isAllowed =
    usages === undefined ||
    usages.includes(PURPOSE_OIDS[purpose]) ||
    (!isLeaf && usages.includes(ANY_USAGE))
  return isAllowed ? undefined : `is not for ${purpose} (extendedKeyUsage)`
}

function findPath(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  authority: Authority,
  trustedRoot: TrustedRoot,
  purpose: CertificatePurpose,
): readonly X509Certificate[] | undefined {
  const anchor = authority.certificates.at(-1)
  const pool = [...authority.certificates, ...intermediates]
  let tried = 0
  const extend = (path: readonly X509Certificate[]): readonly X509Certificate[] | undefined => {
    const last = path.at(-1)
    if (last === undefined || anchor === undefined) return undefined
    if (isSame(last, anchor)) return path
    if (path.length >= MAX_LENGTH) return undefined
    for (const issuer of pool) {
      if (Buffer.compare(issuer.subjectName, last.issuerName) !== 0) continue
      if (path.some((one) => isSame(one, issuer)) || ++tried > MAX_TRIED) continue
      if (!mayIssue(issuer, path, purpose) || !trustedRoot.isSignedBy(last, issuer)) continue
      const found = extend([...path, issuer])
      if (found !== undefined) return found
    }
    return undefined
  }
  return extend([leaf])
}

/** Whether an authority may stand above this path. */
function mayIssue(
  issuer: X509Certificate,
  path: readonly X509Certificate[],
  purpose: CertificatePurpose,
): boolean {
  if (!issuer.isAuthority || !allowsKeyUsage(issuer, 'certificateSigning')) return false
  if (findFault(issuer, purpose) !== undefined) return false
  const pathLength = readPathLength(issuer)
  // Certificates between this one and the leaf that are issued to themselves do not count (RFC 5280, 4.2.1.9).
  const between = path
    .slice(1)
    .filter((one) => Buffer.compare(one.subjectName, one.issuerName) !== 0)
  return pathLength === undefined || between.length <= pathLength
}

function findTimeFailure(path: CertificatePath, at: readonly Date[]): ChanceryError | undefined {
  for (const moment of at) {
    for (const certificate of path.certificates) {
      const { notBefore, notAfter } = certificate
      // Both are whole seconds and inclusive, so that the last one lasts until the next begins.
      if (moment >= notBefore && moment.getTime() < notAfter.getTime() + 1000) continue
      return timeError(
        `the certificate of "${printableName(certificate)}" is valid from ${notBefore.toISOString()} to ` +
          `${notAfter.toISOString()}, and the signature is of ${moment.toISOString()}`,
      )
    }
    if (!isWithin(path.authority.validFor, moment)) {
      return timeError(
        `the authority ${path.authority.uri ?? 'without a name'} is not trusted for ${moment.toISOString()}`,
      )
    }
  }
  return undefined
}

function isSame(left: X509Certificate, right: X509Certificate): boolean {
  return Buffer.compare(left.der, right.der) === 0
}

/** How messages name a certificate: by subject, or else by its serial number. */
function printableName(certificate: X509Certificate): string {
  return certificate.subject === '' ? `serial ${certificate.serialNumber}` : certificate.subject
}

function certificateError(message: string, hints: readonly string[] = []): ChanceryError {
  return new ChanceryError('ERR_VERIFY_CERTIFICATE', message, { hints })
}

function timeError(message: string): ChanceryError {
  return new ChanceryError('ERR_VERIFY_CERTIFICATE_TIME', message, {
    hints: ['A timestamp or a log entry proves that a signature is older than its certificate.'],
  })
}
