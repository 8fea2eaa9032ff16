import { sha256Parts } from '../crypto/digest.ts'
import { VerificationKey } from '../crypto/verification-key.ts'
import { ChanceryError } from '../errors/chancery-error.ts'
import { encodeHex } from '../format/hex.ts'
import {
  parseTrustedRoot,
  type TrustedAuthority,
  type TrustedLog,
  type TrustedRootDocument,
  type ValidityPeriod,
} from '../format/trusted-root.ts'
import { parseCertificate, type X509Certificate } from '../x509/certificate.ts'
import { findSignatureScheme } from '../x509/signature-scheme.ts'

/** A log with its key, opened when it is first needed. */
export class Log {
  readonly baseUrl: string
  readonly logId: Uint8Array
  /** The first four bytes name the key in checkpoints. */
  readonly checkpointKeyId: Uint8Array
  readonly validFor: ValidityPeriod
  readonly #publicKey: Uint8Array
  #key: VerificationKey | undefined

  constructor(log: TrustedLog) {
    this.baseUrl = log.baseUrl
    this.logId = log.logId
    this.checkpointKeyId = log.checkpointKeyId ?? log.logId
    this.validFor = log.validFor
    this.#publicKey = log.publicKey
  }

  /** What tells logs apart: two names for one key are one log. */
  get identity(): string {
    return encodeHex(this.#publicKey)
  }

  /** @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if the key is of a kind that Chancery does not use. */
  get key(): VerificationKey {
    this.#key ??= openKey(this.#publicKey, `the log ${this.baseUrl}`)
    return this.#key
  }
}

/** A certificate authority with its chain, parsed when it is first needed. */
export class Authority {
  readonly uri: string | undefined
  readonly validFor: ValidityPeriod
  readonly #certificates: readonly Uint8Array[]
  #parsed: readonly X509Certificate[] | undefined

  constructor(authority: TrustedAuthority) {
    this.uri = authority.uri
    this.validFor = authority.validFor
    this.#certificates = authority.certificates
  }

  /**
   * Leaf-ward first, the trust anchor last.
   *
   * @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if one does not parse.
   */
  get certificates(): readonly X509Certificate[] {
    this.#parsed ??= this.#certificates.map((der) =>
      orUnusable(() => parseCertificate(der), `the authority ${this.uri ?? 'without a name'}`),
    )
    return this.#parsed
  }
}

/** The most links between certificates that are remembered. */
const MAX_LINKS = 1024

/**
 * Whom a verifier trusts. It is parsed once and may be used by any number of verifications; keys are opened and chains
 * checked when they are first needed, and kept. Nothing in it depends on the time, which every verification is given.
 */
export class TrustedRoot {
  readonly logs: readonly Log[]
  readonly certificateAuthorities: readonly Authority[]
  readonly timestampAuthorities: readonly Authority[]
  /** The logs of certificate transparency. */
  readonly certificateLogs: readonly Log[]
  readonly #keys = new WeakMap<X509Certificate, VerificationKey>()
  readonly #links = new Set<string>()

  /** @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if two logs have the same id. */
  constructor(document: TrustedRootDocument) {
    this.logs = document.logs.map((log) => new Log(log))
    const ids = new Set(this.logs.map(({ logId }) => encodeHex(logId)))
    if (ids.size < this.logs.length) {
      throw new ChanceryError(
        'ERR_VERIFY_TRUSTED_ROOT',
        'the trusted root: expected each log id once, found one twice',
      )
    }
    this.certificateLogs = document.certificateLogs.map((log) => new Log(log))
    this.certificateAuthorities = document.certificateAuthorities.map((one) => new Authority(one))
    this.timestampAuthorities = document.timestampAuthorities.map((one) => new Authority(one))
  }

  /** The log that an entry names; undefined for a stranger. */
  findLog(logId: Uint8Array): Log | undefined {
    return this.logs.find((log) => Buffer.compare(log.logId, logId) === 0)
  }

  /**
   * Whether `issuer`'s key signed `certificate`. Links that hold are remembered, the latest thousand of them: that one
   * key signed given bytes does not change with time.
   */
  isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    const link = encodeHex(sha256Parts(certificate.der, issuer.publicKey))
    if (this.#links.has(link)) return true
    if (!this.#verifyLink(certificate, issuer)) return false
    const [oldest] = this.#links
    if (this.#links.size >= MAX_LINKS && oldest !== undefined) this.#links.delete(oldest)
    this.#links.add(link)
    return true
  }

  #verifyLink(certificate: X509Certificate, issuer: X509Certificate): boolean {
    try {
      const key = this.#keys.get(issuer) ?? new VerificationKey(issuer.publicKey)
      this.#keys.set(issuer, key)
      const scheme = findSignatureScheme(certificate.signatureAlgorithm, key.algorithm)
      if (scheme === undefined) return false
      key.verify(certificate.signedBytes, certificate.signature, scheme)
      return true
    } catch (thrown) {
      if (thrown instanceof ChanceryError) return false
      throw thrown
    }
  }
}

/**
 * Reads a `trusted_root.json` for any number of verifications.
 *
 * @throws ChanceryError ERR_FORMAT_TRUSTED_ROOT or ERR_FORMAT_JSON if it is no Sigstore trusted root.
 * @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if two logs have the same id.
 */
export function loadTrustedRoot(document: Uint8Array | string): TrustedRoot {
  return new TrustedRoot(parseTrustedRoot(document))
}

function openKey(publicKey: Uint8Array, whose: string): VerificationKey {
  return orUnusable(() => new VerificationKey(publicKey), whose)
}

function orUnusable<Value>(read: () => Value, whose: string): Value {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof ChanceryError)) throw cause
    throw new ChanceryError(
      'ERR_VERIFY_TRUSTED_ROOT',
      `the trusted root, ${whose}: ${cause.message}`,
      { cause },
    )
  }
}
