import { ChanceryError } from '../errors/chancery-error.ts'

/** The error of a body that is longer than it may be. */
export function tooLarge(url: URL, maxBodyBytes: number): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_TOO_LARGE',
    `expected at most ${maxBodyBytes} bytes from ${url.host}, and it sent more`,
  )
}

/** The error of an answer that is not one of HTTP, or not as asked for. */
export function badHttp(url: URL, reason: string, cause?: unknown): ChanceryError {
  return new ChanceryError('ERR_REGISTRY_BAD_ANSWER', `${url.host}: ${reason}`, {
    cause,
    hints: ['Check that the name and port are those of a registry, not of another web server.'],
  })
}

/** Alerts of a server that asked for a certificate of ours. Source: RFC 8446, section 6.2. */
const PEER_WANTS_CERTIFICATE =
  /^ERR_SSL_(?:TLSV13_ALERT_CERTIFICATE_REQUIRED|(?:SSLV3|TLSV1|SSL\/TLS)_ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE))$/
const UNTRUSTED_CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_PURPOSE|INVALID_CA|PATH_LENGTH|ERR_TLS_CERT)/

/** Who did not do as expected: the host, and the proxy before it, without its password, if there is one. */
export function nameOf(url: URL, proxyHost: string | undefined): string {
  return proxyHost === undefined ? url.host : `${url.host}, through the proxy ${proxyHost},`
}

/**
 * The error of a connection or exchange that broke, with none of what it carried.
 *
 * @param proxyHost Host and port of the proxy that was between, if one was.
 */
export function asTransportError(url: URL, cause: Error, proxyHost?: string): ChanceryError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  if (UNTRUSTED_CERTIFICATE.test(code)) {
    return new ChanceryError(
      'ERR_REGISTRY_CERTIFICATE',
      `the TLS certificate of ${url.host} is not trusted (${code})`,
      { cause, hints: ["Name the certificate of the registry's own CA with --registry-cacert."] },
    )
  }
  if (PEER_WANTS_CERTIFICATE.test(code)) {
    return new ChanceryError(
      'ERR_REGISTRY_UNAUTHORIZED',
      `${url.host} does not accept the TLS client certificate it was shown, or wants one (${code})`,
      { cause, hints: ['Name one with --registry-client-cert and --registry-client-key.'] },
    )
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return new ChanceryError('ERR_REGISTRY_NO_TLS', `${url.host} does not speak TLS as expected`, {
      cause,
      hints: ['If this registry is to be spoken to by plain http, say --allow-http-registry.'],
    })
  }
  if (code.startsWith('ERR_PROXY_')) return proxyFailed(url, cause, proxyHost)
  if (code.startsWith('HPE_')) return badHttp(url, 'expected an HTTP answer', cause)
  return new ChanceryError(
    'ERR_REGISTRY_UNAVAILABLE',
    `${nameOf(url, proxyHost)} cannot be reached${code === '' ? '' : ` (${code})`}`,
    {
      cause,
      hints: [
        'Check the name, the port and the network; then try again.',
        ...(proxyHost === undefined ? [] : [CHECK_PROXY]),
      ],
    },
  )
}

/** Whether a connection was refused or ended by the other side, rather than waited for in vain. */
export function wasBrokenOff({ code, cause }: ChanceryError): boolean {
  return code === 'ERR_REGISTRY_UNAVAILABLE' && cause instanceof Error && 'code' in cause
}

const CHECK_PROXY = 'Check HTTPS_PROXY and HTTP_PROXY, or except the registry with NO_PROXY.'

/** Node names the proxy in the cause without user and password. */
function proxyFailed(url: URL, cause: Error, proxyHost: string | undefined): ChanceryError {
  const status =
    'statusCode' in cause && typeof cause.statusCode === 'number' ? cause.statusCode : 0
  const answered = status === 0 ? 'gave no tunnel' : `answered ${status} instead of a tunnel`
  const hints =
    status === 407
      ? ['Put user and password into the URL of HTTPS_PROXY, percent-encoded.']
      : [CHECK_PROXY]
  const name = proxyHost === undefined ? 'proxy' : `proxy ${proxyHost}`
  const message = `the ${name} between here and ${url.host} ${answered}`
  // A proxy that refuses goes on refusing; one that failed may recover.
  const code = status >= 400 && status < 500 ? 'ERR_REGISTRY_PROXY' : 'ERR_REGISTRY_UNAVAILABLE'
  return new ChanceryError(code, message, { cause, hints })
}
