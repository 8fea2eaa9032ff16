import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { encodeOctetString } from '../../src/format/der-writer.ts'
import { encodeExtension, type CertificateOptions } from './test-certificates.ts'

/** The extension with the list of timestamps. Source: RFC 6962, 3.3. */
export const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2'

/** A certificate transparency log with its key. */
export interface CertificateLog {
  readonly baseUrl: string
  readonly privateKey: KeyObject
  readonly publicKey: Uint8Array
  readonly logId: Uint8Array
}

/** Makes a log that signs with P-256, or RSA of 2048 bits. */
export function createCertificateLog(name: string, type: 'ec' | 'rsa' = 'ec'): CertificateLog {
  const keys =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' })
  const logId = createHash('sha256').update(publicKey).digest()
  return { baseUrl: `https://${name}.acme.example`, privateKey: keys.privateKey, publicKey, logId }
}

function bytes(value: number, length: number): Buffer {
  const encoded = Buffer.alloc(8)
  encoded.writeBigUInt64BE(BigInt(value))
  return encoded.subarray(8 - length)
}

const vector = (content: Uint8Array): Buffer => Buffer.concat([bytes(content.length, 2), content])

/** How a timestamp differs from one that is right. */
export interface SctOptions {
  /** Unix time in milliseconds. */
  readonly time: number
  readonly extensions?: Uint8Array
  /** Of the certificate's issuer. */
  readonly issuerKey: Uint8Array
  readonly version?: number
  readonly algorithms?: readonly [number, number]
  readonly signer?: CertificateLog
}

/** One timestamp over a certificate's body without timestamps, put together by hand. Source: RFC 6962, 3.2. */
export function makeSct(by: CertificateLog, body: Uint8Array, options: SctOptions): Uint8Array {
  const time = bytes(options.time, 8)
  const extensions = vector(options.extensions ?? new Uint8Array())
  const signed = Buffer.concat([
    Uint8Array.from([0, 0]),
    time,
    Uint8Array.from([0, 1]),
    createHash('sha256').update(options.issuerKey).digest(),
    bytes(body.length, 3),
    body,
    extensions,
  ])
  const algorithms = options.algorithms ?? [4, by.privateKey.asymmetricKeyType === 'rsa' ? 1 : 3]
  return Buffer.concat([
    Uint8Array.from([options.version ?? 0]),
    by.logId,
    time,
    extensions,
    Uint8Array.from(algorithms),
    vector(sign('sha256', signed, (options.signer ?? by).privateKey)),
  ])
}

/** The list of timestamps, as TLS encodes it. */
export const listOf = (...scts: readonly Uint8Array[]): Uint8Array =>
  vector(Buffer.concat(scts.map((sct) => vector(sct))))

/** A certificate whose timestamps `make` makes for its body. */
export function withScts(make: (body: Uint8Array) => Uint8Array): CertificateOptions {
  return { lastExtension: (body) => encodeExtension(SCT_LIST, encodeOctetString(make(body))) }
}

/** The member `ctlogs` of a trusted root. */
export function certificateLogsOf(
  logs: readonly CertificateLog[],
  validFor: { readonly start: string; readonly end?: string } = { start: '2026-01-01T00:00:00Z' },
): readonly object[] {
  const base64 = (part: Uint8Array): string => Buffer.from(part).toString('base64')
  return logs.map(({ baseUrl, publicKey, logId }) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(publicKey), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: base64(logId) },
  }))
}
