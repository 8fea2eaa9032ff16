import { ChanceryError } from '../errors/chancery-error.ts'
import { contextTag, DER_TAG, DerReader, derError, readDerSequence } from '../format/der-reader.ts'
import { matchesRuns } from '../format/wildcard.ts'
import type { X509Certificate } from '../x509/certificate.ts'
import { OID } from '../x509/oids.ts'
import { requireKnownMembers } from './known-members.ts'

/**
 * Whose certificate it has to be. Exactly one member of each pair is given.
 *
 * In a pattern `*` stands for any characters, also none; everything else stands for itself, and the whole text has to
 * match from end to end.
 */
export interface ExpectedIdentity {
  /** One of the certificate's e-mail addresses, URIs, DNS names or Fulcio user names, character by character. */
  readonly identity?: string
  readonly identityPattern?: string
  /** Who vouched for the identity, such as `https://token.actions.githubusercontent.com`, character by character. */
  readonly issuer?: string
  /** `*` also covers a certificate without an issuer, as those of an own authority often are. */
  readonly issuerPattern?: string
  /** The GitHub workflow that it was issued to, character by character. */
  readonly workflow?: ExpectedWorkflow
}

/** A GitHub workflow, as far as it matters; compared with the extensions 1.3.6.1.4.1.57264.1.2 to .6. */
export interface ExpectedWorkflow {
  readonly trigger?: string
  readonly sha?: string
  readonly name?: string
  /** `owner/repository` */
  readonly repository?: string
  /** `refs/heads/main` */
  readonly ref?: string
}

/** Whose certificate it is. */
export interface CertificateIdentity {
  /** The one that was expected. */
  readonly identity: string
  /** The OpenID Connect issuer; undefined where the certificate names none. */
  readonly issuer: string | undefined
}

const IDENTITIES = [
  'identity',
  'identityPattern',
  'issuer',
  'issuerPattern',
  'workflow',
] as const satisfies readonly (keyof ExpectedIdentity)[]
const MAX_PATTERN = 2048
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Checks whose a certificate is. That it leads to a trusted authority is another check.
 *
 * @throws ChanceryError ERR_VERIFY_EXPECTATION if the expectation is incomplete or contradicts itself.
 * @throws ChanceryError ERR_VERIFY_CERTIFICATE_IDENTITY, _ISSUER or _WORKFLOW if it is somebody else's.
 * @throws ChanceryError ERR_FORMAT_DER if an extension is malformed.
 */
export function verifyCertificateIdentity(
  certificate: X509Certificate,
  expected: ExpectedIdentity,
): CertificateIdentity {
  requireKnownMembers(expected, IDENTITIES)
  requireKnownMembers(expected.workflow ?? {}, Object.keys(WORKFLOW_OIDS))
  const isIdentity = matcher('identity', expected.identity, expected.identityPattern)
  const isIssuer = matcher('issuer', expected.issuer, expected.issuerPattern)
  const names = readIdentities(certificate)
  const identity = names.find(isIdentity)
  if (identity === undefined) {
    const found = names.length === 0 ? 'none' : names.map(printable).join(', ')
    throw new ChanceryError(
      'ERR_VERIFY_CERTIFICATE_IDENTITY',
      `expected a certificate for ${describe(expected.identity, expected.identityPattern)}, found ${found}`,
    )
  }
  const issuer = readIssuer(certificate)
  if (!isIssuer(issuer ?? '')) {
    throw new ChanceryError(
      'ERR_VERIFY_CERTIFICATE_ISSUER',
      `expected an identity from ${describe(expected.issuer, expected.issuerPattern)}, ` +
        `found ${issuer === undefined ? 'none' : `one from ${printable(issuer)}`}`,
    )
  }
  requireWorkflow(certificate, expected.workflow ?? {})
  return { identity, issuer }
}

/** The extensions by member. Source: Fulcio, docs/oid-info.md, of which these are the ones that hold bare text. */
const WORKFLOW_OIDS = {
  trigger: '1.3.6.1.4.1.57264.1.2',
  sha: '1.3.6.1.4.1.57264.1.3',
  name: '1.3.6.1.4.1.57264.1.4',
  repository: '1.3.6.1.4.1.57264.1.5',
  ref: '1.3.6.1.4.1.57264.1.6',
} as const

function requireWorkflow({ extensions }: X509Certificate, expected: ExpectedWorkflow): void {
  for (const name of ['trigger', 'sha', 'name', 'repository', 'ref'] as const) {
    const value = expected[name]
    if (value === undefined) continue
    const raw = extensions.get(WORKFLOW_OIDS[name])?.value
    const found = raw === undefined ? undefined : decodeText(raw)
    if (found === value) continue
    throw new ChanceryError(
      'ERR_VERIFY_CERTIFICATE_WORKFLOW',
      `expected a certificate for the workflow ${name} "${value}", ` +
        `found ${found === undefined ? 'none' : `"${printable(found)}"`}`,
    )
  }
}

/**
 * The names a certificate gives its subject: e-mail addresses, URIs, DNS names and Fulcio's user names.
 *
 * @throws ChanceryError ERR_FORMAT_DER if the extension is malformed.
 */
export function readIdentities(certificate: X509Certificate): readonly string[] {
  const { emailAddresses, uris, dnsNames } = certificate
  return [...uris, ...emailAddresses, ...readOtherNames(certificate), ...dnsNames]
}

/**
 * The OpenID Connect issuer of a certificate: the extension 1.3.6.1.4.1.57264.1.8, a DER UTF8String, or else .1.1, whose
 * bytes are the text. Undefined where there is neither.
 *
 * @throws ChanceryError ERR_FORMAT_DER if it is malformed, or both are there and differ.
 * Source: Fulcio, docs/oid-info.md.
 */
export function readIssuer(certificate: X509Certificate): string | undefined {
  const encoded = certificate.extensions.get(OID.issuer)?.value
  const raw = certificate.extensions.get(OID.issuerRaw)?.value
  const rawText = raw === undefined ? undefined : decodeText(raw)
  if (encoded === undefined) return rawText
  const reader = new DerReader(encoded)
  const text = decodeText(reader.read(DER_TAG.utf8String))
  reader.expectEnd()
  if (rawText !== undefined && rawText !== text) {
    throw derError('expected one issuer in a certificate, found two')
  }
  return text
}

/** Source: Fulcio, docs/certificate-specification.md, "SAN": otherName of the type 1.3.6.1.4.1.57264.1.7. */
function readOtherNames(certificate: X509Certificate): readonly string[] {
  const extension = certificate.extensions.get(OID.subjectAlternativeName)
  if (extension === undefined) return []
  const found: string[] = []
  const names = readDerSequence(extension.value)
  while (!names.isAtEnd) {
    const otherName = names.enterOptional(contextTag(0, 'constructed'))
    if (otherName === undefined) {
      names.readAny()
    } else if (otherName.readOid() === OID.otherName) {
      const value = otherName.enter(contextTag(0, 'constructed'))
      found.push(decodeText(value.read(DER_TAG.utf8String)))
      value.expectEnd()
    }
  }
  return found
}

function decodeText(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw derError('expected a text in UTF-8')
  }
}

function matcher(
  name: string,
  exact: string | undefined,
  pattern: string | undefined,
): (text: string) => boolean {
  if ((exact === undefined) === (pattern === undefined) || exact === '' || pattern === '') {
    throw new ChanceryError(
      'ERR_VERIFY_EXPECTATION',
      `expected either ${name} or ${name}Pattern, not empty`,
      { field: name, hints: ['A pattern of * accepts anything.'] },
    )
  }
  if (pattern === undefined) return (text) => text === exact
  if (pattern.length > MAX_PATTERN) {
    throw new ChanceryError(
      'ERR_VERIFY_EXPECTATION',
      `expected a pattern of at most ${MAX_PATTERN} characters`,
      { field: `${name}Pattern` },
    )
  }
  return (text) => covers(pattern, text)
}

/** A name with control characters matches no pattern: a line break could hide what stands after it. */
function covers(pattern: string, text: string): boolean {
  if (/\p{Cc}/u.test(text)) return false
  return matchesRuns(
    pattern.length,
    text.length,
    (at) => pattern[at] === '*',
    (at, place) => pattern[at] === text[place],
  )
}

function describe(exact: string | undefined, pattern: string | undefined): string {
  return exact ?? `the pattern ${pattern ?? ''}`
}

/** What a stranger wrote, made safe to show in a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
