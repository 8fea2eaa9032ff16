import { createSecureContext } from 'node:tls'
import { ChanceryError } from '../errors/chancery-error.ts'

/** What shows a server who we are. The key is a secret: not for printing. */
export interface ClientCertificate {
  /** PEM: the certificate, and those above it if the server does not know them. */
  readonly certificate: string
  /** PEM, not encrypted. */
  readonly key: string
}

/** How one host is spoken to by TLS. */
export interface TlsSettings {
  /** PEM certificates that are trusted besides those of the system. */
  readonly certificateAuthorities?: readonly string[]
  readonly clientCertificate?: ClientCertificate | undefined
  /** The name that the server's certificate has to have, where it is not the host's. */
  readonly serverName?: string | undefined
}

/** Finds the settings of `host` or `host:port`, as a URL has it; undefined if there are none. */
export type FindTlsSettings = (host: string) => Promise<TlsSettings | undefined>

/**
 * Makes sure that a certificate and a key can be used, and belong together.
 *
 * @param source Names where they are from in the error, which repeats nothing of them.
 * @throws ChanceryError ERR_REGISTRY_CREDENTIALS if not.
 */
export function requireClientCertificate(pair: ClientCertificate, source: string): void {
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key })
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
    const isEncrypted = pair.key.includes('ENCRYPTED')
    const reason = isEncrypted
      ? 'the key is encrypted'
      : code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'
        ? 'the key is not that of the certificate'
        : 'they are not PEM of a certificate and a private key'
    // No cause: what OpenSSL says may come from the content of the key.
    throw new ChanceryError(
      'ERR_REGISTRY_CREDENTIALS',
      `the client certificate and key of ${source} cannot be used: ${reason}`,
      isEncrypted ? { hints: ['Decrypt it into a file that only you can read.'] } : {},
    )
  }
}
