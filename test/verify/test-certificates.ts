import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { contextTag } from '../../src/format/der-reader.ts'
import {
  encodeBitString,
  encodeDer,
  encodeNamedBits,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSmallInteger,
  encodeTime,
  encodeTrue,
  encodeUnsigned,
} from '../../src/format/der-writer.ts'
import { encodeSubjectName } from '../../src/x509/distinguished-name.ts'
import { OID } from '../../src/x509/oids.ts'

/** A key with a name and a certificate. */
export interface Party {
  readonly name: string
  readonly privateKey: KeyObject
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** DER. */
  readonly certificate: Uint8Array
  readonly serialNumber: Uint8Array
}

/** How a certificate differs from a leaf for code signing that is valid in 2026. */
export interface CertificateOptions {
  /** Signs; the certificate signs itself without one. */
  readonly issuer?: Party
  /** As if this one had issued it: only the name is taken. */
  readonly issuerName?: string
  readonly notBefore?: string
  readonly notAfter?: string
  readonly isAuthority?: boolean
  readonly pathLength?: number
  /** OIDs; null for no extension. */
  readonly usages?: readonly string[] | null
  readonly isUsageCritical?: boolean
  /** Bits; null for no extension. */
  readonly keyUsage?: readonly number[] | null
  readonly email?: string
  readonly uri?: string
  /** The extension 1.3.6.1.4.1.57264.1.8. */
  readonly oidcIssuer?: string
  /** The extension 1.3.6.1.4.1.57264.1.1. */
  readonly oidcIssuerRaw?: string
  /** DER Extensions to add as they are. */
  readonly extensions?: readonly Uint8Array[]
  /** Given the body without it, the DER Extension that stands last. */
  readonly lastExtension?: (body: Uint8Array) => Uint8Array
  /** DER AlgorithmIdentifier; of ECDSA with SHA-256, which signs, unless said. */
  readonly signatureAlgorithm?: Uint8Array
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
}

const ECDSA_SHA256 = encodeSequence(encodeOid('1.2.840.10045.4.3.2'))

/** Makes a certificate for a new P-256 key, in whatever way an authority could. */
export function issueCertificate(name: string, options: CertificateOptions = {}): Party {
  const keys = options.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' })
  const algorithm = options.signatureAlgorithm ?? ECDSA_SHA256
  const serialNumber = Uint8Array.from([0x40, ...randomBytes(9)])
  const bodyWith = (...last: readonly Uint8Array[]): Uint8Array =>
    encodeSequence(
      encodeDer(contextTag(0, 'constructed'), encodeSmallInteger(2)),
      encodeUnsigned(serialNumber),
      algorithm,
      encodeSubjectName({ commonName: options.issuerName ?? options.issuer?.name ?? name }),
      encodeSequence(
        encodeTime(Date.parse(options.notBefore ?? '2026-01-01T00:00:00Z')),
        encodeTime(Date.parse(options.notAfter ?? '2026-12-31T23:59:59Z')),
      ),
      encodeSubjectName({ commonName: name }),
      publicKey,
      encodeDer(
        contextTag(3, 'constructed'),
        encodeSequence(...encodeExtensions(options), ...last),
      ),
    )
  const { lastExtension } = options
  const body = lastExtension === undefined ? bodyWith() : bodyWith(lastExtension(bodyWith()))
  const signature = sign('sha256', body, options.issuer?.privateKey ?? keys.privateKey)
  const certificate = encodeSequence(body, algorithm, encodeBitString(signature))
  return { name, privateKey: keys.privateKey, publicKey, certificate, serialNumber }
}

function encodeExtensions(options: CertificateOptions): readonly Uint8Array[] {
  const isAuthority = options.isAuthority === true
  const usages = options.usages === undefined && !isAuthority ? [OID.codeSigning] : options.usages
  const keyUsage = options.keyUsage === undefined ? [isAuthority ? 5 : 0] : options.keyUsage
  const names = [
    ...(options.uri === undefined
      ? []
      : [encodeDer(contextTag(6, 'primitive'), utf8(options.uri))]),
    ...(options.email === undefined
      ? []
      : [encodeDer(contextTag(1, 'primitive'), utf8(options.email))]),
  ]
  const constraints = [
    ...(isAuthority ? [encodeTrue()] : []),
    ...(options.pathLength === undefined ? [] : [encodeSmallInteger(options.pathLength)]),
  ]
  const { oidcIssuer, oidcIssuerRaw } = options
  return [
    encodeExtension(OID.basicConstraints, encodeSequence(...constraints), true),
    ...(keyUsage === null
      ? []
      : [encodeExtension(OID.keyUsage, encodeNamedBits(...keyUsage), true)]),
    ...(usages === undefined || usages === null
      ? []
      : [
          encodeExtension(
            OID.extendedKeyUsage,
            encodeSequence(...usages.map(encodeOid)),
            options.isUsageCritical === true,
          ),
        ]),
    ...(names.length === 0
      ? []
      : [encodeExtension(OID.subjectAlternativeName, encodeSequence(...names), true)]),
    ...(oidcIssuerRaw === undefined ? [] : [encodeExtension(OID.issuerRaw, utf8(oidcIssuerRaw))]),
    ...(oidcIssuer === undefined
      ? []
      : [encodeExtension(OID.issuer, encodeDer(0x0c, utf8(oidcIssuer)))]),
    ...(options.extensions ?? []),
  ]
}

/** One DER Extension. */
export function encodeExtension(oid: string, value: Uint8Array, isCritical = false): Uint8Array {
  const critical = isCritical ? [encodeTrue()] : []
  return encodeSequence(encodeOid(oid), ...critical, encodeOctetString(value))
}

/** Text as bytes. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
