import { ChanceryError } from '../errors/chancery-error.ts'

/** What a certificate transparency log promised about a certificate. Nothing in it is proven. */
export interface SignedCertificateTimestamp {
  /** SHA-256 of the log's key, 32 bytes. */
  readonly logId: Uint8Array
  /** When the log took the certificate. */
  readonly issuedAt: Date
  /** CtExtensions, opaque here; the signature covers them. */
  readonly extensions: Uint8Array
  readonly algorithm: 'ecdsa' | 'rsa'
  /** ECDSA: DER `Ecdsa-Sig-Value`. RSA: raw bytes. SHA-256 both. */
  readonly signature: Uint8Array
}

/** The most timestamps a list may have; browsers ask for two or three, Sigstore for one. */
const MAX_TIMESTAMPS = 16
const MAX_LIST_BYTES = 16 * 1024
const LOG_ID_BYTES = 32
const VERSION_1 = 0
const SHA256 = 4
const ALGORITHMS = new Map([
  [1, 'rsa'],
  [3, 'ecdsa'],
] as const)
/** The last millisecond that a Date can be. */
const MAX_TIME = 8_640_000_000_000_000n

/**
 * Reads a SignedCertificateTimestampList: one or more timestamps of version 1, nothing before, between or after them.
 *
 * @param list The TLS structure, as it lies in the OCTET STRING of the certificate's extension; at most 16 KiB.
 * @throws ChanceryError ERR_FORMAT_SCT if it is anything else.
 * Source: RFC 6962, 3.2 and 3.3; RFC 5246, 4.7 and 7.4.1.4.1.
 */
export function parseSctList(list: Uint8Array): readonly SignedCertificateTimestamp[] {
  if (list.length > MAX_LIST_BYTES) throw sctError(`expected at most ${MAX_LIST_BYTES} bytes`)
  const outer = new TlsReader(list)
  const inner = new TlsReader(outer.vector())
  outer.expectEnd()
  const found: SignedCertificateTimestamp[] = []
  do {
    if (found.length === MAX_TIMESTAMPS) throw sctError(`expected at most ${MAX_TIMESTAMPS}`)
    found.push(readTimestamp(new TlsReader(inner.vector())))
  } while (!inner.isAtEnd)
  return found
}

function readTimestamp(reader: TlsReader): SignedCertificateTimestamp {
  if (reader.integer(1) !== BigInt(VERSION_1)) throw sctError('expected version 1')
  const logId = reader.take(LOG_ID_BYTES)
  const milliseconds = reader.integer(8)
  if (milliseconds > MAX_TIME) throw sctError('expected a time before the year 275760')
  const extensions = reader.vector()
  const hash = reader.integer(1)
  const algorithm = ALGORITHMS.get(Number(reader.integer(1)) as 1 | 3)
  if (hash !== BigInt(SHA256) || algorithm === undefined) {
    throw sctError('expected a signature of ECDSA or RSA with SHA-256')
  }
  const signature = reader.vector()
  reader.expectEnd()
  const issuedAt = new Date(Number(milliseconds))
  return { logId, issuedAt, extensions, algorithm, signature }
}

/**
 * What the log signed for a certificate that it had seen before the timestamp was put into it.
 *
 * @param issuerKeyHash SHA-256 of the issuer's SubjectPublicKeyInfo.
 * @param body DER TBSCertificate without the list of timestamps, shorter than 16 MiB.
 * Source: RFC 6962, 3.2, `digitally-signed struct` with the entry type precert_entry.
 */
export function encodeSignedPrecertificate(
  { issuedAt, extensions }: SignedCertificateTimestamp,
  issuerKeyHash: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  const head = Buffer.alloc(12)
  // Version 1 and the type certificate_timestamp are zeros; the type precert_entry is 1.
  head.writeBigUInt64BE(BigInt(issuedAt.getTime()), 2)
  head.writeUInt16BE(1, 10)
  const length = Buffer.alloc(3)
  length.writeUIntBE(body.length, 0, 3)
  const extensionsLength = Buffer.alloc(2)
  extensionsLength.writeUInt16BE(extensions.length)
  return Buffer.concat([head, issuerKeyHash, length, body, extensionsLength, extensions])
}

/** Reads the presentation language of TLS. Source: RFC 5246, 4. */
class TlsReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw sctError('expected the end, found more bytes')
  }

  take(count: number): Uint8Array {
    const end = this.#at + count
    if (end > this.#bytes.length) {
      throw sctError(`expected ${count} bytes, found ${this.#bytes.length - this.#at}`)
    }
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  /** An unsigned big-endian number. */
  integer(bytes: number): bigint {
    let value = 0n
    for (const octet of this.take(bytes)) value = value * 256n + BigInt(octet)
    return value
  }

  /** `opaque<0..2^16-1>`. */
  vector(): Uint8Array {
    return this.take(Number(this.integer(2)))
  }
}

function sctError(message: string): ChanceryError {
  return new ChanceryError('ERR_FORMAT_SCT', `certificate timestamps: ${message}`)
}
