import { isIP } from 'node:net'
import { ChanceryError } from '../errors/chancery-error.ts'

/** A repository of one registry. */
export interface RepositoryName {
  /** Host and optional port, as in an image reference: `registry.acme.test:5000`. */
  readonly registry: string
  /** Path of the repository: `team/app`. */
  readonly repository: string
}

/** True for `localhost`, names below it, 127.0.0.0/8 and ::1, as `URL.hostname` writes them. */
export function isLoopbackHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (address === 'localhost' || address.endsWith('.localhost') || address === '::1') return true
  return isIP(address) === 4 && address.startsWith('127.')
}

/** The root URL of a registry under one scheme. @throws ChanceryError ERR_REGISTRY_NOT_FOUND if it is no host. */
export function registryUrl(scheme: 'http' | 'https', registry: string): URL {
  const text = `${scheme}://${registry}/`
  const url = URL.canParse(text) ? new URL(text) : undefined
  // Anything but a bare host with a port would let a reference choose path, user or query.
  if (url?.href !== `${scheme}://${url?.host ?? ''}/`) {
    throw new ChanceryError(
      'ERR_REGISTRY_NOT_FOUND',
      'expected the name of a registry to be a host with an optional port',
    )
  }
  return url
}

/**
 * Reads an address that a registry sent (a redirect, an upload location, a token realm) and holds it to one rule:
 *
 * - https; plain http only where the registry itself is spoken to by plain http, and then only to its own host or,
 *   from a registry on this machine, to this machine;
 * - no user or password in the address;
 * - not a loopback, link-local (cloud metadata) or unspecified address, unless it is the registry's own host or the
 *   registry is itself on this machine.
 *
 * A name that resolves to such an address is not detected; what is fetched there never carries a credential (redirects)
 * or answers to TLS verification (https).
 *
 * @param origin Where the registry is spoken to.
 * @param address Absolute, or relative to `base`.
 * @param what Names the address in the error, e.g. `the upload location`.
 * @throws ChanceryError ERR_REGISTRY_REDIRECT if the rule does not hold.
 */
export function resolveForeignUrl(origin: URL, base: URL, address: string, what: string): URL {
  // untrusted: the address comes from the registry.
  const target = URL.canParse(address, base.href) ? new URL(address, base) : undefined
  if (target === undefined) throw refused(origin, `${what} is not a URL`)
  if (target.username !== '' || target.password !== '') {
    throw refused(origin, `${what} contains a user or a password`)
  }
  const isOwnHost = target.hostname === origin.hostname
  const isLocal = isLoopbackHost(origin.hostname)
  if (target.protocol !== 'https:') {
    const mayBePlain =
      origin.protocol === 'http:' && (isOwnHost || (isLocal && isLoopbackHost(target.hostname)))
    if (target.protocol !== 'http:' || !mayBePlain) {
      throw refused(
        origin,
        `${what} is ${target.protocol}//${target.host}; expected https`,
        'If the registry stands behind a proxy that ends TLS, let the proxy tell it so (X-Forwarded-Proto).',
      )
    }
  }
  if (!isOwnHost && !isLocal && isInternalAddress(target.hostname)) {
    throw refused(origin, `${what} is ${target.host}, an address inside this machine or its cloud`)
  }
  return target
}

function isInternalAddress(hostname: string): boolean {
  if (isLoopbackHost(hostname)) return true
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) === 4) return address.startsWith('169.254.') || address.startsWith('0.')
  // fe80::/10 is link-local, ::/96 and ::ffff:0:0/96 hold IPv4 addresses, fd00:ec2::254 is a metadata service.
  return isIP(address) === 6 && /^(?:fe[89ab]|::|fd00:ec2:)/.test(address)
}

function refused(origin: URL, reason: string, hint?: string): ChanceryError {
  return new ChanceryError(
    'ERR_REGISTRY_REDIRECT',
    `${origin.host} pointed to a place that is not followed: ${reason}`,
    hint === undefined ? {} : { hints: [hint] },
  )
}
