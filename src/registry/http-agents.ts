import http from 'node:http'
import https from 'node:https'
import tls from 'node:tls'
import { ChanceryError } from '../errors/chancery-error.ts'
import { BoundedMap } from '../verify/bounded-map.ts'
import { Proxies, type ProxyVariables } from './proxies.ts'
import type { FindTlsSettings, TlsSettings } from './tls-settings.ts'

/** How connections are made. */
export interface HttpAgentsOptions {
  /** PEM certificates that are trusted besides those of the system; TLS is always verified. */
  readonly certificateAuthorities?: readonly string[] | undefined
  /** Certificates for one host. */
  readonly findTlsSettings?: FindTlsSettings | undefined
  /** What a registry itself sees, but no other host that it sends us to. */
  readonly ownTls?: Pick<TlsSettings, 'clientCertificate' | 'serverName'> | undefined
  readonly proxies?: ProxyVariables | undefined
}

/** Connections to one host at once. */
const MAX_SOCKETS = 16
const MAX_AGENTS = 100

/**
 * Keeps connections for reuse: one pool for each way of connecting, that is scheme, TLS settings and proxy. May be used
 * concurrently.
 */
export class HttpAgents implements Disposable {
  readonly #options: HttpAgentsOptions
  readonly #proxies: Proxies
  readonly #agents = new BoundedMap<string, Promise<http.Agent>>(MAX_AGENTS)

  /** @throws ChanceryError ERR_REGISTRY_PROXY if the proxies cannot be read. */
  constructor(options: HttpAgentsOptions) {
    this.#options = options
    this.#proxies = new Proxies(options.proxies ?? {})
  }

  /**
   * The pool for a URL.
   *
   * @param isOwnHost Whether the registry itself is spoken to, and not a place that it pointed to.
   * @throws ChanceryError ERR_REGISTRY_CREDENTIALS if certificates for the host are there and cannot be used.
   */
  find(url: URL, isOwnHost: boolean): Promise<http.Agent> {
    const proxy = this.#proxies.find(url)
    const isSecure = url.protocol === 'https:'
    const key = [isSecure ? url.host : 'plain', isOwnHost, proxy?.href ?? ''].join(' ')
    const known = this.#agents.get(key)
    if (known !== undefined) return known
    const made = isSecure
      ? this.#makeSecure(url, isOwnHost, proxy)
      : Promise.resolve(new http.Agent(poolOptions('HTTP_PROXY', proxy)))
    this.#agents.set(key, made)
    made.catch(() => this.#agents.delete(key))
    return made
  }

  /** Host and port of the proxy that a URL is fetched through, without user and password; undefined if there is none. */
  findProxyHost(url: URL): string | undefined {
    return this.#proxies.find(url)?.host
  }

  async #makeSecure(url: URL, isOwnHost: boolean, proxy: URL | undefined): Promise<https.Agent> {
    const { certificateAuthorities = [], findTlsSettings, ownTls } = this.#options
    const ofHost = await findTlsSettings?.(url.host)
    const authorities = [...certificateAuthorities, ...(ofHost?.certificateAuthorities ?? [])]
    const certificate =
      (isOwnHost ? ownTls?.clientCertificate : undefined) ?? ofHost?.clientCertificate
    const serverName = isOwnHost ? ownTls?.serverName : undefined
    return new https.Agent({
      ...poolOptions('HTTPS_PROXY', proxy),
      // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not turn it off.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(authorities.length === 0
        ? {}
        : { ca: [...tls.getCACertificates('default'), ...authorities] }),
      ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    })
  }

  /** Closes the idle connections; those in use break. */
  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) {
      agent.then(
        (one) => one.destroy(),
        () => undefined,
      )
    }
    this.#agents.clear()
  }
}

/** The options of a pool; Node asks the proxy for tunnels and shows it user and password. */
function poolOptions(variable: 'HTTP_PROXY' | 'HTTPS_PROXY', proxy: URL | undefined): object {
  if (proxy === undefined) return { keepAlive: true, maxSockets: MAX_SOCKETS }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 24 || (major === 24 && minor < 5)) {
    // An older one would go past the proxy without a word.
    throw new ChanceryError('ERR_REGISTRY_PROXY', `this Node (${process.version}) has no proxies`, {
      hints: ['Use Node 24.5 or later, or except the registry with NO_PROXY.'],
    })
  }
  return { keepAlive: true, maxSockets: MAX_SOCKETS, proxyEnv: { [variable]: proxy.href } }
}
