import type { VerificationKey } from '../crypto/verification-key.ts'
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
import { KeyRing } from './key-ring.ts'

/** A log with its key, opened when it is first needed. */
export class Log {
  readonly baseUrl: string
  readonly logId: Uint8Array
  /** The first four bytes name the key in checkpoints. */
  readonly checkpointKeyId: Uint8Array
  readonly validFor: ValidityPeriod
  /** What tells logs apart: two names for one key are one log. */
  readonly identity: string
  readonly #publicKey: Uint8Array
  readonly #keyRing: KeyRing
  #key: VerificationKey | undefined

  constructor(log: TrustedLog, keyRing: KeyRing) {
    this.baseUrl = log.baseUrl
    this.logId = log.logId
    this.checkpointKeyId = log.checkpointKeyId ?? log.logId
    this.validFor = log.validFor
    this.identity = encodeHex(log.publicKey)
    this.#publicKey = log.publicKey
    this.#keyRing = keyRing
  }

  /** @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if the key is of a kind that Chancery does not use. */
  get key(): VerificationKey {
    this.#key ??= orUnusable(() => this.#keyRing.open(this.#publicKey), `the log ${this.baseUrl}`)
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

/**
 * Whom a verifier trusts. It is parsed once and may be used by any number of verifications; keys are opened and signatures
 * checked when they are first needed, and the latest are remembered. Nothing in it depends on the time, which every
 * verification is given.
 */
export class TrustedRoot {
  readonly logs: readonly Log[]
  readonly certificateAuthorities: readonly Authority[]
  readonly timestampAuthorities: readonly Authority[]
  /** The logs of certificate transparency. */
  readonly certificateLogs: readonly Log[]
  /** Of logs, authorities and signers; one for each trusted root, so that none knows what another has seen. */
  readonly keyRing = new KeyRing()
  readonly #issuerKeys = new WeakMap<X509Certificate, VerificationKey>()
  /** Of certificates of its own authorities, who has signed them. */
  readonly #issuers = new Map<X509Certificate, X509Certificate>()

  /** @throws ChanceryError ERR_VERIFY_TRUSTED_ROOT if two logs have the same id. */
  constructor(document: TrustedRootDocument) {
    this.logs = document.logs.map((log) => new Log(log, this.keyRing))
    const ids = new Set(this.logs.map(({ logId }) => encodeHex(logId)))
    if (ids.size < this.logs.length) {
      throw new ChanceryError(
        'ERR_VERIFY_TRUSTED_ROOT',
        'the trusted root: expected each log id once, found one twice',
      )
    }
    this.certificateLogs = document.certificateLogs.map((log) => new Log(log, this.keyRing))
    this.certificateAuthorities = document.certificateAuthorities.map((one) => new Authority(one))
    this.timestampAuthorities = document.timestampAuthorities.map((one) => new Authority(one))
  }

  /** The log that an entry names; undefined for a stranger. */
  findLog(logId: Uint8Array): Log | undefined {
    return this.logs.find((log) => Buffer.compare(log.logId, logId) === 0)
  }

  /** Whether `issuer`'s key signed `certificate`. */
  isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    if (this.#issuers.get(certificate) === issuer) return true
    try {
      const key = this.#issuerKeys.get(issuer) ?? this.keyRing.open(issuer.publicKey)
      this.#issuerKeys.set(issuer, key)
      const scheme = findSignatureScheme(certificate.signatureAlgorithm, key.algorithm)
      if (scheme === undefined) return false
      key.verify(certificate.signedBytes, certificate.signature, scheme)
      if (this.#isOwn(certificate)) this.#issuers.set(certificate, issuer)
      return true
    } catch (thrown) {
      if (thrown instanceof ChanceryError) return false
      throw thrown
    }
  }

  #isOwn(certificate: X509Certificate): boolean {
    const isIn = ({ certificates }: Authority): boolean => certificates.includes(certificate)
    return this.certificateAuthorities.some(isIn) || this.timestampAuthorities.some(isIn)
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
