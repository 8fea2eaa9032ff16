import { BlockList, isIP } from 'node:net'
import { ChanceryError } from '../errors/chancery-error.ts'
import { isLoopbackHost } from './origins.ts'

/** Which proxies lead out. They may hold passwords: not for printing. */
export interface ProxyVariables {
  /** URL of the proxy for plain http; without a scheme it is `http://`. */
  readonly http?: string | undefined
  /** URL of the proxy for https, which is asked for a tunnel. */
  readonly https?: string | undefined
  /** Where none is used: names, addresses, networks, separated by commas. */
  readonly noProxy?: string | undefined
}

interface Exception {
  readonly port: string | undefined
  readonly matches: (hostname: string) => boolean
}

/**
 * Decides which proxy a URL is fetched through, as Go programs (docker, podman, cosign) decide it: `*`, a name with all
 * below it (`acme.test`), only what is below (`.acme.test`, `*.acme.test`), an address, a network (`10.0.0.0/8`); each but
 * the last with an optional port. Names are not resolved. What is on this machine is never fetched through a proxy.
 *
 * Source: Go, golang.org/x/net/http/httpproxy.
 */
export class Proxies {
  readonly #http: URL | undefined
  readonly #https: URL | undefined
  readonly #isOff: boolean
  readonly #exceptions: readonly Exception[]

  /** @throws ChanceryError ERR_REGISTRY_PROXY if a variable does not hold the URL of an http or https proxy. */
  constructor(variables: ProxyVariables) {
    this.#http = parseProxy('HTTP_PROXY', variables.http)
    this.#https = parseProxy('HTTPS_PROXY', variables.https)
    const entries = (variables.noProxy ?? '')
      .split(',')
      .map((entry) => entry.trim().toLowerCase())
      .filter((entry) => entry !== '')
    this.#isOff = entries.includes('*')
    this.#exceptions = entries.map(parseException)
  }

  /** The proxy for a URL; undefined if it is spoken to directly. */
  find(url: URL): URL | undefined {
    const proxy = url.protocol === 'https:' ? this.#https : this.#http
    if (proxy === undefined || this.#isOff || isLoopbackHost(url.hostname)) return undefined
    const hostname = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    const isExcepted = this.#exceptions.some(
      (one) => (one.port === undefined || one.port === port) && one.matches(hostname),
    )
    return isExcepted ? undefined : proxy
  }
}

function parseProxy(variable: string, value: string | undefined): URL | undefined {
  if (value === undefined || value === '') return undefined
  const text = value.includes('://') ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  // Both have a host, or they are no URL.
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  // The value may hold a password, so it is not repeated.
  throw new ChanceryError(
    'ERR_REGISTRY_PROXY',
    `expected ${variable} to be the URL of a proxy, http:// or https://`,
    { hints: ['Special characters in user and password have to be percent-encoded.'] },
  )
}

function parseException(entry: string): Exception {
  const [network = '', bits] = entry.split('/')
  const family = isIP(network)
  if (bits !== undefined && family !== 0) {
    const list = new BlockList()
    const length = /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (length < 0 || length > (family === 4 ? 32 : 128)) return { port: undefined, matches: never }
    list.addSubnet(network, length, family === 4 ? 'ipv4' : 'ipv6')
    return { port: undefined, matches: (hostname) => isListed(list, hostname) }
  }
  const [, bracketed, plain = '', port] =
    /^(?:\[([^\]]*)\]|(.*?))(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  const host = bracketed ?? plain
  const address = isIP(host)
  if (address !== 0) {
    const list = new BlockList()
    list.addAddress(host, address === 4 ? 'ipv4' : 'ipv6')
    return { port, matches: (hostname) => isListed(list, hostname) }
  }
  const name = host.replace(/^\*(?=\.)/, '')
  if (name.startsWith('.')) return { port, matches: (hostname) => hostname.endsWith(name) }
  return { port, matches: (hostname) => hostname === name || hostname.endsWith(`.${name}`) }
}

function isListed(list: BlockList, hostname: string): boolean {
  const family = isIP(hostname)
  return family !== 0 && list.check(hostname, family === 4 ? 'ipv4' : 'ipv6')
}

function never(): boolean {
  return false
}
